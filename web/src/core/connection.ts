import type { Clock, Patch, Problem, RoomState } from "../protocol/messages";
import { ServerClock } from "./clock";
import { follow, type Versioned } from "./patch";
import type { Listener, Transport } from "./transport";
import { PROTOCOL_VERSION } from "./version";

export { PROTOCOL_VERSION };

/** Heartbeat and its answer together stay under the 8 s within which a page must say that it is cut off. */
const HEARTBEAT_MS = 3000;
const ANSWER_MS = 3500;
/** A break shorter than this is a roaming tablet, not news. Presses are refused all the same. */
const GRACE_MS = 1200;
const WATCH_MS = 4000;
/** Refusals that pass by themselves: ask again over a new road. */
const PASSING: ReadonlySet<string> = new Set(["rate_limited", "overloaded", "busy", "internal"]);

export type Link = "connecting" | "live" | "lost" | "refused";

/** A room's document that pages follow: its state, or what stands on its ceremony's stage. */
export interface Document extends Versioned {
  room: string;
}

interface Watching<S> {
  protocol: number;
  build: string;
  time: number;
  snapshot: S | null;
  patches: Patch[];
}

/** What a page shows of a connection. */
export interface Connected<S extends Document = RoomState> {
  link: Link;
  /** The room as last told; kept, and aged, while the link is down. */
  state: S | null;
  /** Server time of the last word from the server, seconds (Unix). */
  heard: number | null;
  /** Build of the server's pages; differs from our own on a stale page. */
  serverBuild: string;
  serverProtocol: number | null;
  problem: Problem | null;
  /** Grows with each new road to the server, be the break ever so short: whatever was said in it is to be asked for. */
  road: number;
}

/** Before the first word of the server. */
export const UNHEARD: Connected<never> = { link: "connecting", state: null, heard: null, serverBuild: "", serverProtocol: null, problem: null, road: 0 };

/** Follows one room's document: snapshot, then numbered patches, from where it left off after a break. Ends with `close()`. */
export class Connection<S extends Document = RoomState> implements Listener {
  readonly clock: ServerClock;
  #now: Connected<S> = UNHEARD;
  #watching = false;
  /** Patches that overtook the snapshot they belong to. */
  #early: Patch[] = [];
  #closed = false;
  #open = false;
  #session = 0;
  #heartbeat: ReturnType<typeof setTimeout> | undefined;
  #grace: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly transport: Transport,
    private readonly room: string,
    private readonly build: string,
    private readonly changed: (now: Connected<S>) => void,
    clock = new ServerClock(),
    /** What else the server says. */
    private readonly heard: (event: string, body: unknown) => void = () => undefined,
  ) {
    this.clock = clock;
  }

  get now(): Connected<S> {
    return this.#now;
  }

  /** True while a press can be sent: the road is open and the room's state is current. */
  get ready(): boolean {
    return this.#open && this.#now.link === "live" && !this.#watching;
  }

  start(): void {
    this.transport.open(this);
    this.#lostSoon();
  }

  close(): void {
    this.#closed = true;
    this.#stopTimers();
    this.transport.close();
  }

  /** Sends one message; throws when it was not answered in time or there is no road. */
  ask(event: string, body: unknown, timeoutMs: number): Promise<unknown> {
    return this.transport.ask(event, body, timeoutMs);
  }

  /** Asks the server at once whether it is still there (the device woke up, the network changed). */
  probe(): void {
    if (this.#open) void this.#beat(this.#session);
  }

  opened(): void {
    this.#session += 1;
    this.#open = true;
    this.clock.forget();
    void this.#watch(this.#session);
  }

  closed(): void {
    this.#open = false;
    this.#session += 1;
    clearTimeout(this.#heartbeat);
    this.#lostSoon();
  }

  refused(problem: Problem): void {
    this.#set({ link: "refused", problem });
  }

  received(event: string, body: unknown): void {
    if (event !== "patch") {
      this.heard(event, body);
      return;
    }
    if (this.#watching) {
      this.#early.push(body as Patch);
      return;
    }
    this.#heard();
    this.#take(body as Patch);
  }

  async #watch(session: number): Promise<void> {
    this.#watching = true;
    this.#early = [];
    const sent = this.clock.local;
    const known = this.#now.state;
    const since = known?.room === this.room ? known.version : null;
    let answer: Watching<S>;
    try {
      const body = { room: this.room, since, protocol: PROTOCOL_VERSION, build: this.build };
      const reply = (await this.transport.ask("watch", body, WATCH_MS)) as Watching<S> & { problem?: Problem | null };
      if (session !== this.#session) return;
      if (reply.problem && !PASSING.has(reply.problem.code)) {
        this.#watching = false;
        this.#set({ link: "refused", problem: reply.problem });
        return;
      }
      if (reply.problem) throw new Error(reply.problem.code);
      answer = reply;
    } catch {
      if (session === this.#session) this.transport.renew();
      return;
    } finally {
      if (session === this.#session) this.#watching = false;
    }
    this.clock.learn(sent, answer.time);
    clearTimeout(this.#grace);
    this.#grace = undefined;
    const state = answer.snapshot ?? known;
    this.#set({ link: "live", state, heard: this.clock.now(), serverBuild: answer.build, serverProtocol: answer.protocol, problem: null, road: session });
    for (const patch of [...answer.patches, ...this.#early]) this.#take(patch);
    this.#later(session);
  }

  #take(patch: Patch): void {
    if (this.#now.state === null) return;
    const result = follow(this.room, this.#now.state, patch);
    if ("state" in result) this.#set({ state: result.state });
    else if ("gap" in result && !this.#watching) void this.#watch(this.#session);
  }

  #later(session: number): void {
    clearTimeout(this.#heartbeat);
    this.#heartbeat = setTimeout(() => void this.#beat(session), HEARTBEAT_MS);
  }

  async #beat(session: number): Promise<void> {
    if (this.#closed || session !== this.#session) return;
    clearTimeout(this.#heartbeat);
    const sent = this.clock.local;
    try {
      const reply = (await this.transport.ask("time", sent, ANSWER_MS)) as Clock;
      if (session !== this.#session) return;
      this.clock.learn(sent, reply.time);
      this.#heard();
      this.#later(session);
    } catch {
      if (session !== this.#session) return;
      this.#set({ link: "lost" });
      this.transport.renew();
    }
  }

  #heard(): void {
    this.#set({ heard: this.clock.now() });
  }

  #lostSoon(): void {
    if (this.#grace !== undefined || this.#closed || this.#now.link === "lost" || this.#now.link === "refused") return;
    this.#grace = setTimeout(() => {
      this.#grace = undefined;
      if (!this.#open || this.#watching) this.#set({ link: this.#now.link === "refused" ? "refused" : "lost" });
    }, GRACE_MS);
  }

  #stopTimers(): void {
    clearTimeout(this.#heartbeat);
    clearTimeout(this.#grace);
  }

  #set(part: Partial<Connected<S>>): void {
    this.#now = { ...this.#now, ...part };
    if (!this.#closed) this.changed(this.#now);
  }
}
