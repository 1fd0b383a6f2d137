/** One write in flight; of the values that come meanwhile only the newest is kept. For sliders. */
export class Latest<T> {
  #waiting: { value: T } | null = null;
  #busy = false;

  constructor(private readonly write: (value: T) => Promise<unknown>) {}

  /** True while a value is on its way or waits for its turn. */
  get busy(): boolean {
    return this.#busy;
  }

  /** Sends the value now, or after the one in flight. */
  push(value: T): void {
    this.#waiting = { value };
    if (!this.#busy) void this.#run();
  }

  async #run(): Promise<void> {
    this.#busy = true;
    try {
      while (this.#waiting) {
        const { value } = this.#waiting;
        this.#waiting = null;
        await this.write(value);
      }
    } finally {
      this.#busy = false;
    }
  }
}
