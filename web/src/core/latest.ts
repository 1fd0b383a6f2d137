/** One write in flight; of the values that come meanwhile only the newest is kept. For sliders. */
export class Latest<T> {
  #waiting: { value: T } | null = null;
  #busy = false;

  /** `changed` is told when a series of writes begins and when it has ended. */
  constructor(
    private readonly write: (value: T) => Promise<unknown>,
    private readonly changed: (busy: boolean) => void = () => undefined,
  ) {}

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
    this.changed(true);
    try {
      while (this.#waiting) {
        const { value } = this.#waiting;
        this.#waiting = null;
        await this.write(value);
      }
    } finally {
      this.#busy = false;
      this.changed(false);
    }
  }
}
