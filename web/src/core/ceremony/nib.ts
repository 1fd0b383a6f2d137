import type { InkPoint } from "./ink";

/** Full width of the pen in units of the field: a 1 mm nib on a 90 mm line, as in the document. */
const NIB = 110;
/** Share of the full width at no pressure, or at full speed. */
const THINNEST = 0.35;
/** Units per millisecond at which a stroke without pressure is thinnest. */
const FAST = 16;
/** What a finger or a mouse reports throughout: its speed has to say how the hand moved. */
const FLAT = 500;
/** Change of width per width travelled: a pen does not swell at once. */
const SWELL = 0.6;

/** Share of a new measure that counts at once. */
const STEADY = 0.35;

/** A curve of one width, from where the one before ended. */
export interface Piece {
  from: readonly [number, number];
  by: readonly [number, number];
  to: readonly [number, number];
  width: number;
}

/** Makes one stroke's points into curves, as they come. Each point ends a curve halfway between it and the one before. */
export class Nib {
  #points: InkPoint[] = [];
  #width = 0;
  #wanted = 0;

  constructor(private readonly nib = NIB) {}

  /** Curves that a further point adds. */
  add(point: InkPoint): Piece[] {
    const before = this.#points.at(-1);
    this.#points.push(point);
    if (!before) {
      this.#wanted = wanted(point, null);
      this.#width = this.#wanted * this.nib;
      return [{ from: place(point), by: place(point), to: place(point), width: this.#width }];
    }
    const far = Math.hypot(x(point) - x(before), y(point) - y(before));
    const most = far * SWELL;
    // Clocks of pointers are coarse: single speeds jump, a hand does not.
    this.#wanted += (wanted(point, before) - this.#wanted) * STEADY;
    this.#width += Math.max(-most, Math.min(most, this.#wanted * this.nib - this.#width));
    const earlier = this.#points.at(-3);
    return [{ from: earlier ? middle(earlier, before) : place(before), by: place(before), to: middle(before, point), width: this.#width }];
  }

  /** From where the curves end to the newest point: drawn over them, and drawn anew with each point. */
  get tail(): Piece | null {
    const [before, point] = [this.#points.at(-2), this.#points.at(-1)];
    if (!before || !point) return null;
    const start = middle(before, point);
    return { from: start, by: start, to: place(point), width: this.#width };
  }
}

function wanted(point: InkPoint, before: InkPoint | null): number {
  const pressure = point[3] ?? FLAT;
  if (pressure !== FLAT) return THINNEST + ((1 - THINNEST) * pressure) / 1000;
  if (!before) return 0.75;
  const ms = Math.max((point[2] ?? 0) - (before[2] ?? 0), 1);
  const speed = Math.hypot(x(point) - x(before), y(point) - y(before)) / ms;
  return 1 - (1 - THINNEST) * Math.min(speed / FAST, 1);
}

function x(point: InkPoint): number {
  return point[0] ?? 0;
}

function y(point: InkPoint): number {
  return point[1] ?? 0;
}

function place(point: InkPoint): readonly [number, number] {
  return [x(point), y(point)];
}

function middle(a: InkPoint, b: InkPoint): readonly [number, number] {
  return [(x(a) + x(b)) / 2, (y(a) + y(b)) / 2];
}
