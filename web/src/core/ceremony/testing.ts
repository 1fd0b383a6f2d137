/** Numbers from 0 to 1 that a seed decides: a failing test says which, and fails again. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Points of a hand: so many, one every few ms from `t`. */
export function scribble(random: () => number, count: number, t: number): number[][] {
  let [x, y] = [random() * 10_000, random() * 4000];
  return Array.from({ length: count }, (_, index) => {
    x += (random() - 0.4) * 90;
    y += (random() - 0.5) * 90;
    return [Math.round(x), Math.round(y), Math.round(t + index * 4.2), Math.round(random() * 1000)];
  });
}
