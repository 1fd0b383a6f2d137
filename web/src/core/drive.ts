/** The server stops a head whose order is not renewed; twice as often as it needs leaves room for a lost moment. */
export const RENEW_MS = 300;

/** A direction held by a finger: renewed while held, one stop at the end, never two orders on the road at once. */
export class Drive<T> {
  #timer: ReturnType<typeof setInterval> | undefined;
  #onTheWay = false;
  #held: T | null = null;
  #stopOwed = false;

  /** `order` sends one movement; null is the stop. */
  constructor(private readonly order: (movement: T | null) => Promise<unknown>) {}

  get moving(): boolean {
    return this.#held !== null;
  }

  /** Begins, or changes, a movement. */
  hold(movement: T): void {
    this.#held = movement;
    this.#stopOwed = false;
    clearInterval(this.#timer);
    this.#timer = setInterval(() => void this.#renew(), RENEW_MS);
    void this.#renew();
  }

  /** Finger up, cancelled, page hidden: stop. Does nothing when nothing moves. */
  release(): void {
    clearInterval(this.#timer);
    if (this.#held === null) return;
    this.#held = null;
    this.#stopOwed = true;
    void this.#renew();
  }

  async #renew(): Promise<void> {
    if (this.#onTheWay) return;
    const movement = this.#held;
    if (movement === null && !this.#stopOwed) return;
    this.#stopOwed = false;
    this.#onTheWay = true;
    try {
      await this.order(movement);
    } finally {
      this.#onTheWay = false;
      if (this.#stopOwed) void this.#renew();
    }
  }
}
