import { io, type Socket } from "socket.io-client";
import type { Problem } from "../protocol/messages";
import type { Listener, Transport } from "./transport";

/** A room that nobody can reach is looked for at least this often. */
const RETRY_MAX_MS = 2500;

/** Socket.IO over websocket only; `origin` is empty for the server the page came from. */
export class SocketTransport implements Transport {
  readonly #socket: Socket;

  constructor(namespace: string, origin = "") {
    this.#socket = io(`${origin}${namespace}`, {
      path: "/socket.io",
      transports: ["websocket"],
      autoConnect: false,
      reconnectionDelay: 400,
      reconnectionDelayMax: RETRY_MAX_MS,
      timeout: 4000,
    });
  }

  open(listener: Listener): void {
    this.#socket.on("connect", () => listener.opened());
    this.#socket.on("disconnect", (reason) => {
      listener.closed();
      // Socket.IO does not come back by itself when the server ended the session.
      if (reason === "io server disconnect") setTimeout(() => this.#socket.connect(), RETRY_MAX_MS);
    });
    this.#socket.on("connect_error", (error: Error & { data?: unknown }) => {
      const problem = error.data as Problem | undefined;
      if (problem?.code === "unauthenticated" || problem?.code === "forbidden") listener.refused(problem);
      // A refusal by the namespace ends Socket.IO's own attempts.
      if (!this.#socket.active) setTimeout(() => this.#socket.connect(), RETRY_MAX_MS);
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
    return this.#socket.timeout(timeoutMs).emitWithAck(event, body);
  }

  renew(): void {
    this.#socket.io.engine?.close();
  }
}
