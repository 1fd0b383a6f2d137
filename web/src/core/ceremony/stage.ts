import type { CeremonyState, InkDurable, InkFlow, InkSoFar } from "../../protocol/messages";
import { Connection, type Connected } from "../connection";
import type { ServerClock } from "../clock";
import type { Transport } from "../transport";
import { Ink } from "./ink";

/** Asks for the ink of a ceremony beyond a batch; null when there is no answer. */
export type FetchInk = (room: string, ceremony: string, after: number) => Promise<InkSoFar | null>;

/** The server could not tell its ink: once more, soon. */
const AGAIN_MS = 700;

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
  #road = 0;
  #loading: Promise<void> | null = null;
  #waiting: InkFlow[] = [];
  #hurry: () => void = () => undefined;
  #closed = false;

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
    this.#closed = true;
    this.#hurry();
    this.connection.close();
  }

  /** The ink as the server has it now, instead of what this page believes; ends when it is here. */
  async reload(): Promise<void> {
    while (this.#loading) await this.#loading;
    this.ink.clear();
    await this.#load();
  }

  #changed(now: Staged): void {
    const id = now.state?.ceremony?.id ?? "";
    const came = now.road !== this.#road;
    this.#road = now.road;
    if (id !== this.#ceremony) {
      this.#ceremony = id;
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
    else if (fate === "gap") void this.#load();
  }

  /** All ink the server has, then what flowed in meanwhile; ends when it is here. Who is asking already asks at once. */
  #load(): Promise<void> {
    this.#hurry();
    if (this.#closed || this.#ceremony === "") return Promise.resolve();
    return (this.#loading ??= this.#ask());
  }

  /** Asks until there is an answer: a wall never stays half drawn. */
  async #ask(): Promise<void> {
    while (!this.#closed && this.#ceremony !== "") {
      this.#waiting = [];
      const ceremony = this.#ceremony;
      let found = await this.fetchInk(this.room, ceremony, this.ink.seq);
      const less = found !== null && found.seq < this.ink.seq;
      // A server that lost power knows less than it had shown: what counts is what it has.
      if (less) found = await this.fetchInk(this.room, ceremony, 0);
      if (this.#closed || ceremony !== this.#ceremony) continue;
      if (!found) {
        await new Promise<void>((go) => {
          this.#hurry = go;
          setTimeout(go, AGAIN_MS);
        });
        continue;
      }
      this.#loading = null;
      if (less && this.ink.own === "") this.ink.clear();
      if (found.seq !== this.ink.seq) this.ink.load(found);
      for (const flow of this.#waiting.splice(0)) if (flow.ceremony === this.#ceremony) this.#take(flow);
      return;
    }
    this.#loading = null;
  }
}
