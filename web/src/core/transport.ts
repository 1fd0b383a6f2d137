import type { Problem } from "../protocol/messages";

/** What a connection hears from below. */
export interface Listener {
  opened(): void;
  closed(): void;
  /** The server will not have this client until somebody signs in or pairs it. */
  refused(problem: Problem): void;
  received(event: string, body: unknown): void;
}

/** A road to the server. It reconnects by itself, with growing pauses, and never keeps a message for later. */
export interface Transport {
  open(listener: Listener): void;
  close(): void;
  /** Throws at once when there is no road: nothing is queued. */
  ask(event: string, body: unknown, timeoutMs: number): Promise<unknown>;
  /** Gives up the present road and tries another at once. */
  renew(): void;
}
