/** The face of a material, made once in memory: a picture that repaints for nothing, where an SVG filter would cost a display PC its frames. */
const made = new Map<string, string>();

interface Grain {
  base: [number, number, number];
  spread: number;
  /** Brushed metal runs along, stone does not. */
  stretch: number;
  clouds: number;
}

const GRAINS: Record<string, Grain> = {
  stone: { base: [24, 27, 31], spread: 7, stretch: 1, clouds: 26 },
  metal: { base: [214, 178, 104], spread: 12, stretch: 40, clouds: 14 },
  woven: { base: [104, 22, 36], spread: 8, stretch: 1, clouds: 10 },
};

const SIZE = 512;

/** Address of a tile for this material. */
export function grain(material: string): string {
  let url = made.get(material);
  if (url === undefined) made.set(material, (url = draw(GRAINS[material] ?? (GRAINS["stone"] as Grain), material === "woven")));
  return url;
}

function draw({ base, spread, stretch, clouds }: Grain, weave: boolean): string {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = SIZE;
  const context = canvas.getContext("2d");
  if (!context) return "";
  const random = seeded(7);
  const cloud = lattice(random, 6);
  const fine = lattice(random, 18);
  const image = context.createImageData(SIZE, SIZE);
  let streak = 0;
  for (let y = 0; y < SIZE; y += 1) {
    for (let x = 0; x < SIZE; x += 1) {
      streak = stretch > 1 ? streak + (random() - 0.5 - streak) / stretch : random() - 0.5;
      const thread = weave ? ((x >> 1) % 2 === (y >> 1) % 2 ? 7 : -7) + (y % 4 < 2 ? 3 : -3) : 0;
      const light = (cloud(x, y) - 0.5) * clouds + (fine(x, y) - 0.5) * clouds * 0.4 + streak * spread * (stretch > 1 ? 6 : 2) + thread;
      const at = (y * SIZE + x) * 4;
      for (let channel = 0; channel < 3; channel += 1) image.data[at + channel] = (base[channel] ?? 0) + light;
      image.data[at + 3] = 255;
    }
  }
  context.putImageData(image, 0, 0);
  return canvas.toDataURL("image/png");
}

/** Smooth noise that repeats at the tile's edge. */
function lattice(random: () => number, cells: number): (x: number, y: number) => number {
  const values = Array.from({ length: cells * cells }, random);
  const at = (column: number, row: number): number => values[(row % cells) * cells + (column % cells)] ?? 0;
  const ease = (part: number): number => part * part * (3 - 2 * part);
  return (x, y) => {
    const [u, v] = [(x / SIZE) * cells, (y / SIZE) * cells];
    const [column, row] = [Math.floor(u), Math.floor(v)];
    const [a, b] = [ease(u - column), ease(v - row)];
    const top = at(column, row) * (1 - a) + at(column + 1, row) * a;
    const bottom = at(column, row + 1) * (1 - a) + at(column + 1, row + 1) * a;
    return top * (1 - b) + bottom * b;
  };
}

function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) >>> 0;
    return state / 4_294_967_296;
  };
}
