import type { BackstageState, Clock, Following, MeetingState, Patch, Problem } from "../../protocol/messages";
import { ServerClock } from "../clock";
import { follow } from "../patch";
import type { Listener, Transport } from "../transport";
import { PROTOCOL_VERSION } from "../version";
import { answered, Refusal } from "./refusal";

const HEARTBEAT_MS = 4000;
const ANSWER_MS = 3000;
const FOLLOW_MS = 6000;

/** What a panel knows of the meeting it hosts; no meeting: `state` is null. */
export interface Hosted {
  live: boolean;
  state: MeetingState | null;
  backstage: BackstageState | null;
  problem: Problem | null;
}

/** A panel's line to the open meeting of its room: it hosts and takes no seat. Ends with `close()`. */
export class HostLine implements Listener {
  readonly clock: ServerClock;
  #now: Hosted = { live: false, state: null, backstage: null, problem: null };
  #road = 0;
  #closed = false;
  #beat: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly transport: Transport,
    private readonly room: string,
    private readonly changed: (now: Hosted) => void,
    clock = new ServerClock(),
  ) {
    this.clock = clock;
  }

  get now(): Hosted {
    return this.#now;
  }

  start(): void {
    this.transport.open(this);
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#beat);
    this.transport.close();
  }

  /** Sends one message and returns its answer; throws Refusal, or an Error without a road or an answer. */
  readonly ask = async (event: string, body: unknown, timeoutMs: number): Promise<unknown> => answered(await this.transport.ask(event, body, timeoutMs));

  /** Looks which meeting is open now: one has begun, or the state has a gap. */
  async look(): Promise<void> {
    const road = this.#road;
    if (road === 0) return;
    try {
      const { state, backstage } = (await this.ask("follow", { room: this.room, protocol: PROTOCOL_VERSION }, FOLLOW_MS)) as Following;
      if (road === this.#road) this.#set({ live: true, state, backstage, problem: null });
    } catch (error) {
      if (road !== this.#road) return;
      if (error instanceof Refusal) this.#set({ problem: error.problem });
      else this.transport.renew();
    }
  }

  opened(): void {
    this.#road += 1;
    this.clock.forget();
    void this.look();
    void this.#pulse(this.#road);
  }

  closed(): void {
    clearTimeout(this.#beat);
    if (!this.#closed) this.#set({ live: false });
  }

  refused(problem: Problem): void {
    this.#set({ live: false, problem });
  }

  received(event: string, body: unknown): void {
    if (event === "patch") this.#take(body as Patch);
    else if (event === "ended") {
      this.#set({ state: null, backstage: null });
      // Handed over: the next one is open already.
      void this.look();
    }
  }

  #take(patch: Patch): void {
    const { state, backstage } = this.#now;
    if (!state || !backstage) return;
    const main = follow(state.meeting, state, patch);
    const behind = follow(`${backstage.meeting}.host`, backstage, patch);
    if ("gap" in main || "gap" in behind) void this.look();
    else if ("state" in main) this.#set({ state: main.state });
    else if ("state" in behind) this.#set({ backstage: behind.state });
  }

  async #pulse(road: number): Promise<void> {
    if (this.#closed || road !== this.#road) return;
    const sent = this.clock.local;
    try {
      const reply = (await this.ask("time", sent, ANSWER_MS)) as Clock;
      if (road !== this.#road) return;
      this.clock.learn(sent, reply.time);
    } catch (error) {
      if (road !== this.#road) return;
      if (!(error instanceof Refusal)) {
        this.#set({ live: false });
        this.transport.renew();
        return;
      }
    }
    this.#beat = setTimeout(() => void this.#pulse(road), HEARTBEAT_MS);
  }

  #set(part: Partial<Hosted>): void {
    this.#now = { ...this.#now, ...part };
    if (!this.#closed) this.changed(this.#now);
  }
}
