/** Pauses before the attempts to mend a connection; the last one again and again, as long as the line to the server lives. */
export const PAUSES_MS: readonly number[] = [0, 300, 1200, 2700, 4800, 7000];
/** An attempt that has not connected by then has failed. */
const ATTEMPT_MS = 3000;

export interface Mend {
  /** New addresses, same keys: cheap, and enough after a change of network. */
  restart(): Promise<void>;
  /** Everything anew. */
  renew(): Promise<void>;
}

/** Keeps one media connection alive: first new addresses, then a new connection, in growing pauses. Waits while there is no line to the server. */
export class Mender {
  #state: RTCPeerConnectionState | "gone" = "new";
  #attempt = 0;
  #live = true;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #deadline: ReturnType<typeof setTimeout> | undefined;
  #busy = false;
  #closed = false;

  constructor(
    private readonly mend: Mend,
    /** Told when the connection is whole, and when not. */
    private readonly whole: (whole: boolean) => void,
  ) {}

  /** What the browser, or the server (`gone`), says of the connection. */
  hear(state: RTCPeerConnectionState | "gone"): void {
    if (this.#closed) return;
    this.#state = state;
    if (state === "connected") {
      this.#rest();
      this.whole(true);
    } else if (state === "disconnected" || state === "failed" || state === "gone") {
      this.whole(false);
      if (this.#timer === undefined && !this.#busy && this.#deadline === undefined) this.#soon();
    }
  }

  /** The first connection is to be made. */
  begin(): void {
    this.hear("gone");
  }

  /** The line to the server is there, or not. When it returns, waiting is over. */
  line(live: boolean): void {
    const returned = live && !this.#live;
    this.#live = live;
    if (!live) {
      clearTimeout(this.#timer);
      this.#timer = undefined;
    } else if (returned && this.#state !== "connected" && !this.#busy) {
      this.#rest();
      this.#soon();
    }
  }

  /** The network may have changed: do not wait until the browser notices. */
  nudge(): void {
    if (this.#state !== "connected" || this.#busy || !this.#live || this.#closed) return;
    void this.#try();
  }

  close(): void {
    this.#closed = true;
    this.#rest();
  }

  #rest(): void {
    clearTimeout(this.#timer);
    clearTimeout(this.#deadline);
    this.#timer = this.#deadline = undefined;
    this.#attempt = 0;
  }

  #soon(): void {
    if (!this.#live || this.#closed) return;
    const pause = PAUSES_MS[Math.min(this.#attempt, PAUSES_MS.length - 1)] ?? 0;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      void this.#try();
    }, pause);
  }

  async #try(): Promise<void> {
    const anew = this.#state === "gone" || this.#attempt > 0;
    this.#attempt += 1;
    this.#busy = true;
    try {
      await (anew ? this.mend.renew() : this.mend.restart());
    } catch {
      this.#busy = false;
      this.#again();
      return;
    }
    this.#busy = false;
    if (this.#state === "connected" || this.#closed) return;
    this.#deadline = setTimeout(() => {
      this.#deadline = undefined;
      if (this.#state !== "connected") this.#again();
    }, ATTEMPT_MS);
  }

  #again(): void {
    if (this.#timer === undefined && this.#state !== "connected") this.#soon();
  }
}
