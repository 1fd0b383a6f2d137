import type { InkPoint } from "./ink";

/** Ink of so much of a hand's time is drawn as it comes: a frame waits for nothing. */
const LATE_MS = 150;
/** What the network held up is drawn as a hand draws, at twice its pace or faster, so that it takes at most this. */
const CATCH_UP_MS = 1000;
const TICK_MS = 16;

/** Points of one stroke on their way to the glass. */
export interface Arriving {
  signatory: number;
  attempt: number;
  key: string;
  points: readonly InkPoint[];
  ended: boolean;
}

/** Draws ink that a break has held up as a hand would, instead of all at once; whatever comes in time passes untouched. */
export class Pacer {
  #held: Arriving[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #rate = 2;

  constructor(
    private readonly out: (piece: Arriving) => void,
    private readonly now: () => number = () => performance.now(),
  ) {}

  add(pieces: readonly Arriving[]): void {
    if (this.#held.length === 0 && spanOf(pieces) <= LATE_MS) return pieces.forEach(this.out);
    this.#held.push(...pieces);
    this.#rate = Math.max(2, spanOf(this.#held) / CATCH_UP_MS);
    this.#later();
  }

  /** What is held is known otherwise, or is of no interest any more. */
  drop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#held = [];
  }

  #later(): void {
    const before = this.now();
    this.#timer ??= setTimeout(() => this.#draw((this.now() - before) * this.#rate), TICK_MS);
  }

  /** The next so many ms of the hand's time. */
  #draw(ms: number): void {
    this.#timer = undefined;
    let left = ms;
    while (left > 0) {
      const piece = this.#held[0];
      if (!piece) return;
      const until = (piece.points[0]?.[2] ?? 0) + left;
      const cut = piece.points.findIndex((point) => (point[2] ?? 0) > until);
      if (cut < 0) {
        left -= Math.max(spanOf([piece]), 1);
        this.#held.shift();
        this.out(piece);
      } else {
        left = 0;
        this.#held[0] = { ...piece, points: piece.points.slice(cut) };
        this.out({ ...piece, points: piece.points.slice(0, cut), ended: false });
      }
    }
    if (this.#held.length > 0) this.#later();
  }
}

/** Time of the hand in these pieces, ms; pauses between them do not count. */
function spanOf(pieces: readonly Arriving[]): number {
  return pieces.reduce((sum, { points }) => sum + Math.max(0, (points[points.length - 1]?.[2] ?? 0) - (points[0]?.[2] ?? 0)), 0);
}
