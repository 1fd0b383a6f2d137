import { io, type Socket } from "socket.io-client";
import type { Problem } from "../protocol/messages";
import type { Listener, Transport } from "./transport";

/** A room that nobody can reach is looked for at least this often. */
const RETRY_MAX_MS = 2500;

/** Longer than any page that lives stands still: only then Socket.IO itself stops waiting for an answer. */
const STANDSTILL_MS = 20_000;
const TURN_MS = 100;

/** How a page looks for its server; what is not said is as a panel does it. */
export interface Road {
  /** Empty for the server the page came from. */
  origin?: string;
  /** What tells a stranger's page from another. */
  auth?: Record<string, string>;
  retryMaxMs?: number;
  timeoutMs?: number;
}

/** Socket.IO over websocket only. */
export class SocketTransport implements Transport {
  readonly #socket: Socket;
  readonly #retryMaxMs: number;

  constructor(namespace: string, { origin = "", auth, retryMaxMs = RETRY_MAX_MS, timeoutMs = 4000 }: Road = {}) {
    this.#retryMaxMs = retryMaxMs;
    this.#socket = io(`${origin}${namespace}`, {
      path: "/socket.io",
      transports: ["websocket"],
      autoConnect: false,
      reconnectionDelay: 400,
      reconnectionDelayMax: retryMaxMs,
      timeout: timeoutMs,
      ...(auth && { auth }),
    });
  }

  open(listener: Listener): void {
    this.#socket.on("connect", () => listener.opened());
    this.#socket.on("disconnect", (reason) => {
      listener.closed();
      // Socket.IO does not come back by itself when the server ended the session.
      if (reason === "io server disconnect") this.#later();
    });
    this.#socket.on("connect_error", (error: Error & { data?: unknown }) => {
      const problem = error.data as Problem | undefined;
      if (problem?.code === "unauthenticated" || problem?.code === "forbidden") listener.refused(problem);
      // A refusal by the namespace ends Socket.IO's own attempts.
      if (!this.#socket.active) this.#later();
      listener.closed();
    });
    this.#socket.onAny((event: string, body: unknown) => listener.received(event, body));
    this.#socket.connect();
  }

  close(): void {
    this.#socket.offAny();
    this.#socket.off();
    this.#socket.disconnect();
  }

  async ask(event: string, body: unknown, timeoutMs: number): Promise<unknown> {
    if (!this.#socket.connected) throw new Error("not connected");
    return Promise.race([this.#socket.timeout(timeoutMs + STANDSTILL_MS).emitWithAck(event, body), late(timeoutMs)]);
  }

  renew(): void {
    this.#socket.io.engine?.close();
  }

  #later(): void {
    setTimeout(() => this.#socket.connect(), this.#retryMaxMs);
  }
}

/** Rejects after `ms`. A page that stood still runs its timers before it hears what came meanwhile: that gets its turn first. */
function late(ms: number): Promise<never> {
  return new Promise((_, reject) => setTimeout(() => setTimeout(reject, TURN_MS), ms));
}
