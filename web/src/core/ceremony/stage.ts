import type { CeremonyState, InkDurable, InkFlow, InkSoFar } from "../../protocol/messages";
import { Connection, type Connected } from "../connection";
import type { ServerClock } from "../clock";
import type { Transport } from "../transport";
import { Ink } from "./ink";

/** Asks for the ink of a ceremony beyond a batch; null when there is no answer. */
export type FetchInk = (room: string, ceremony: string, after: number) => Promise<InkSoFar | null>;

export type Staged = Connected<CeremonyState>;

export interface Ears {
  changed: (now: Staged) => void;
  /** A batch that was just taken in. */
  flow?: (flow: InkFlow) => void;
  durable?: (word: InkDurable) => void;
}

/** Follows what stands on a room's ceremony stage, and its ink: whole at first, then as it flows, without a gap. */
export class Stage {
  readonly connection: Connection<CeremonyState>;
  readonly ink = new Ink();
  #ceremony = "";
  #live = false;
  #loading = false;
  #waiting: InkFlow[] = [];

  constructor(
    transport: Transport,
    private readonly room: string,
    build: string,
    private readonly fetchInk: FetchInk,
    private readonly ears: Ears,
    clock?: ServerClock,
  ) {
    this.connection = new Connection<CeremonyState>(transport, room, build, (now) => this.#changed(now), clock, (event, body) => this.#heard(event, body));
  }

  start(): void {
    this.connection.start();
  }

  close(): void {
    this.connection.close();
  }

  #changed(now: Staged): void {
    const id = now.state?.ceremony?.id ?? "";
    const came = now.link === "live" && !this.#live;
    this.#live = now.link === "live";
    if (id !== this.#ceremony) {
      this.#ceremony = id;
      this.#waiting = [];
      this.ink.clear();
      if (id !== "") void this.#load();
    } else if (came && id !== "") {
      void this.#load();
    }
    now.state?.ceremony?.signatories.forEach((signatory, index) => {
      if (signatory.began !== null) this.ink.begin(index, signatory.attempt, signatory.began);
    });
    this.ears.changed(now);
  }

  #heard(event: string, body: unknown): void {
    if (event === "durable") this.ears.durable?.(body as InkDurable);
    if (event !== "ink" || (body as InkFlow).ceremony !== this.#ceremony) return;
    if (this.#loading) this.#waiting.push(body as InkFlow);
    else this.#take(body as InkFlow);
  }

  #take(flow: InkFlow): void {
    const fate = this.ink.take(flow);
    if (fate === "taken") this.ears.flow?.(flow);
    else if (fate === "gap") {
      this.#waiting.push(flow);
      void this.#load();
    }
  }

  async #load(): Promise<void> {
    if (this.#loading) return;
    this.#loading = true;
    const ceremony = this.#ceremony;
    try {
      const found = await this.fetchInk(this.room, ceremony, this.ink.seq);
      if (found && ceremony === this.#ceremony && found.seq > this.ink.seq) this.ink.load(found);
    } finally {
      this.#loading = false;
    }
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const flow of waiting) if (flow.ceremony === this.#ceremony && this.ink.take(flow) === "taken") this.ears.flow?.(flow);
  }
}
