/** Two exchanges that disagree by more than this beyond what their round trips explain: the server's clock was set. */
const SET_S = 0.05;

/** Samples older than this many exchanges say little about a clock that drifts or slept. */
const KEPT = 6;

interface Sample {
  offset: number;
  roundTrip: number;
}

/** The server's clock as this page reckons it: the exchange with the shortest round trip is trusted most. Seconds (Unix). */
export class ServerClock {
  #samples: Sample[] = [];

  constructor(private readonly monotonic: () => number = () => performance.now() / 1000) {}

  /** This page's own monotonic clock, seconds. */
  get local(): number {
    return this.monotonic();
  }

  /** True once the server has told the time on this connection. */
  get known(): boolean {
    return this.#samples.length > 0;
  }

  /** Server time now, seconds (Unix); before the first exchange the device's own idea of it. */
  now(): number {
    const best = this.#best();
    return best ? this.monotonic() + best.offset : Date.now() / 1000;
  }

  /** Shortest round trip of the last exchanges, milliseconds. */
  get roundTripMs(): number | null {
    const best = this.#best();
    return best ? best.roundTrip * 1000 : null;
  }

  /** Learns from one exchange: asked at `sent` (own clock), answered with the server's `time`. */
  learn(sent: number, time: number): void {
    const received = this.monotonic();
    const fresh = { offset: time - (sent + received) / 2, roundTrip: received - sent };
    const agreeing = this.#samples.filter((old) => Math.abs(old.offset - fresh.offset) <= (old.roundTrip + fresh.roundTrip) / 2 + SET_S);
    this.#samples = [...agreeing, fresh].slice(-KEPT);
  }

  /** Forgets everything: the device may have slept, and its monotonic clock with it. */
  forget(): void {
    this.#samples = [];
  }

  #best(): Sample | undefined {
    return [...this.#samples].sort((a, b) => a.roundTrip - b.roundTrip)[0];
  }
}
