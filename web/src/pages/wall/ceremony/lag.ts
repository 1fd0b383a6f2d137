import type { ServerClock } from "../../../core/clock";
import type { InkFlow } from "../../../protocol/messages";

const TELL_MS = 500;
const MOST = 240;

/** From the pen's event to the frame: how late this wall is, told twice a second while ink flows. */
export class Lag {
  #waiting: number[] = [];
  #lags: number[] = [];
  #seq = 0;
  readonly #timer = setInterval(() => this.#tell(), TELL_MS);

  constructor(
    private readonly clock: ServerClock,
    private readonly told: (lags: number[], seq: number) => void,
  ) {}

  came(flow: InkFlow): void {
    this.#seq = flow.seq;
    this.#waiting.push(flow.at);
  }

  /** Inside the frame that draws all that came. */
  painted(): void {
    const now = this.clock.now();
    for (const at of this.#waiting) this.#lags.push(Math.round((now - at) * 10_000) / 10);
    this.#waiting = [];
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #tell(): void {
    if (this.#lags.length === 0) return;
    this.told(this.#lags.slice(-MOST), this.#seq);
    this.#lags = [];
  }
}
