import type { BackstageState, Clock, Ended, Following, IceServer, Join, Joined, MeetingState, Patch, Problem, RoleChanged, Seated, SeatRole, Slots } from "../../protocol/messages";
import { ServerClock } from "../clock";
import { follow } from "../patch";
import type { Listener, Transport } from "../transport";
import { PROTOCOL_VERSION } from "../version";
import { answered, Refusal } from "./refusal";

/** A meeting notices a dead road sooner than a panel: whoever speaks into it is not heard. */
const HEARTBEAT_MS = 1000;
const ANSWER_MS = 2500;
/** An answer that takes so long is doubted; when no media comes either (the server reports once a second), it is not waited for. */
const LATE_MS = 200;
const SILENT_MS = 1100;
const JOIN_MS = 6000;
/** Refusals that pass by themselves: ask again over a new road. */
const PASSING: ReadonlySet<string> = new Set(["rate_limited", "busy", "internal", "unreachable"]);
const LEADS: ReadonlySet<SeatRole> = new Set(["host", "co_host"]);

/** Where a page stands: before the door, asking, waiting to be let in, in, or out again. */
export type Phase = "connecting" | "door" | "joining" | "lobby" | "seated" | "ended" | "refused";

export type Wish = Omit<Join, "protocol" | "build" | "seat">;

/** What a page shows of its line to the meeting. */
export interface Standing {
  phase: Phase;
  /** The road is open and what it told is current. */
  live: boolean;
  /** Own monotonic clock, seconds, since which it is not. */
  lost: number | null;
  /** It was lost while no media came either: the path is gone, whatever the browser says. */
  silent: boolean;
  me: string;
  role: SeatRole | null;
  slots: Slots;
  iceServers: IceServer[];
  state: MeetingState | null;
  backstage: BackstageState | null;
  /** The seat that was given, or kept. */
  seat: string | null;
  resumed: boolean;
  /** Number of the newest chat line when we came in. */
  chat: number;
  /** Since when we wait, Unix seconds. */
  waiting: number;
  /** Why the door stayed closed. */
  problem: Problem | null;
  ended: Ended | null;
  serverBuild: string;
}

const NOWHERE: Standing = {
  phase: "connecting",
  live: false,
  lost: null,
  silent: false,
  me: "",
  role: null,
  slots: { audio: 3, video: 9, screen: 1 },
  iceServers: [],
  state: null,
  backstage: null,
  seat: null,
  resumed: false,
  chat: 0,
  waiting: 0,
  problem: null,
  ended: null,
  serverBuild: "",
};

/** What else the server says, to whoever handles it. */
export type Heard = (event: string, body: unknown) => void;

/** One page's line to a meeting: comes back by itself, as the same person. Ends with `close()`. */
export class MeetingLine implements Listener {
  readonly clock: ServerClock;
  /** Bytes of media that came so far; null when none is expected. */
  media: () => Promise<number | null> = () => Promise.resolve(null);
  #now = NOWHERE;
  #wish: Wish | null = null;
  #open = false;
  #closed = false;
  /** Grows with every road: what an older one brings is nobody's. */
  #road = 0;
  #asking = false;
  #early: Patch[] = [];
  #beat: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly transport: Transport,
    private readonly build: string,
    private readonly changed: (now: Standing) => void,
    private readonly heard: Heard,
    clock = new ServerClock(),
  ) {
    this.clock = clock;
  }

  get now(): Standing {
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

  /** Knocks. What becomes of it is told by `changed`; a `seat` comes back as the same person. */
  async join(wish: Wish, seat: string | null): Promise<void> {
    this.#wish = wish;
    this.#set({ phase: "joining", problem: null, ended: null, seat, state: null, backstage: null });
    if (this.#open) await this.#knock(this.#road);
  }

  /** Leaves for good. */
  forget(ended: Ended): void {
    this.#wish = null;
    this.#set({ phase: "ended", ended, seat: null });
  }

  /** Sends one message and returns its answer; throws Refusal, or an Error without a road or an answer. */
  readonly ask = async (event: string, body: unknown, timeoutMs: number): Promise<unknown> => answered(await this.transport.ask(event, body, timeoutMs));

  /** Asks at once whether the server is still there: the device woke up, the network changed. */
  probe(): void {
    if (this.#open) void this.#pulse(this.#road);
  }

  opened(): void {
    this.#road += 1;
    this.#open = true;
    this.#asking = false;
    this.clock.forget();
    if (this.#wish) void this.#knock(this.#road);
    else this.#set({ phase: this.#now.phase === "ended" ? "ended" : "door", live: true, lost: null, problem: null });
    void this.#pulse(this.#road);
  }

  closed(): void {
    this.#open = false;
    this.#road += 1;
    clearTimeout(this.#beat);
    this.#lose();
  }

  refused(problem: Problem): void {
    this.#set({ phase: "refused", problem });
  }

  received(event: string, body: unknown): void {
    switch (event) {
      case "patch":
        if (this.#asking) this.#early.push(body as Patch);
        else this.#take(body as Patch);
        return;
      case "seated":
        this.#sit(body as Seated);
        return;
      case "role":
        this.#become((body as RoleChanged).role);
        break;
      case "ended":
        this.#end(body as Ended);
        return;
    }
    this.heard(event, body);
  }

  async #knock(road: number): Promise<void> {
    const wish = this.#wish;
    if (wish === null || this.#asking) return;
    this.#asking = true;
    this.#early = [];
    try {
      const joined = (await this.ask("join", { ...wish, seat: this.#now.seat, protocol: PROTOCOL_VERSION, build: this.build }, JOIN_MS)) as Joined;
      if (road !== this.#road || wish !== this.#wish) return;
      this.#asking = false;
      if (joined.seated) this.#sit(joined.seated);
      else if (joined.waiting) this.#set({ phase: "lobby", live: true, lost: null, me: joined.waiting.person, seat: joined.waiting.seat, waiting: joined.waiting.since });
    } catch (error) {
      if (road !== this.#road || wish !== this.#wish) return;
      this.#asking = false;
      // What concerns a field is for the person, however it is called.
      if (error instanceof Refusal && (!PASSING.has(error.problem.code) || error.problem.property !== null)) this.#turnedAway(error.problem);
      else setTimeout(() => road === this.#road && void this.#again(road, error), 700);
    } finally {
      if (road === this.#road) this.#asking = false;
    }
  }

  /** A server that is too busy is asked again; one that does not answer, over a new road. */
  async #again(road: number, error: unknown): Promise<void> {
    if (error instanceof Refusal) await this.#knock(road);
    else this.transport.renew();
  }

  #turnedAway(problem: Problem): void {
    this.#wish = null;
    const wasIn = this.#now.state !== null || this.#now.phase === "lobby";
    if (wasIn && problem.code === "expired") this.#end({ why: "closed", text: null, retry_after: null });
    else this.#set({ phase: "door", live: true, lost: null, problem });
  }

  #sit(seated: Seated): void {
    const role = seated.role;
    this.#set({
      phase: "seated",
      live: true,
      lost: null,
      silent: false,
      me: seated.person,
      role,
      slots: seated.slots,
      iceServers: seated.ice_servers,
      state: seated.state,
      seat: seated.seat || this.#now.seat,
      resumed: seated.resumed,
      chat: seated.chat,
      problem: null,
    });
    const early = this.#early;
    this.#early = [];
    for (const patch of early) this.#take(patch);
    if (LEADS.has(role)) void this.#followBackstage();
  }

  #become(role: SeatRole): void {
    this.#set({ role, backstage: LEADS.has(role) ? this.#now.backstage : null });
    if (LEADS.has(role) && this.#now.backstage === null) void this.#followBackstage();
  }

  /** Hosts see the lobby too. */
  async #followBackstage(): Promise<void> {
    const room = this.#now.state?.room;
    const road = this.#road;
    if (room === undefined) return;
    try {
      const following = (await this.ask("follow", { room, protocol: PROTOCOL_VERSION }, JOIN_MS)) as Following;
      if (road === this.#road && following.backstage) this.#set({ backstage: following.backstage });
    } catch {
      // the next knock asks again
    }
  }

  #take(patch: Patch): void {
    const { state, backstage } = this.#now;
    if (state === null) return;
    const main = follow(state.meeting, state, patch);
    if ("state" in main) this.#set({ state: main.state });
    else if ("gap" in main) void this.#knock(this.#road);
    if (backstage === null) return;
    const behind = follow(`${backstage.meeting}.host`, backstage, patch);
    if ("state" in behind) this.#set({ backstage: behind.state });
    else if ("gap" in behind) void this.#followBackstage();
  }

  #end(ended: Ended): void {
    // A server that starts anew wants us back with the seat.
    if (ended.why === "moved") return;
    this.#wish = null;
    this.#set({ phase: "ended", ended });
    this.heard("ended", ended);
  }

  async #pulse(road: number): Promise<void> {
    if (this.#closed || road !== this.#road) return;
    clearTimeout(this.#beat);
    const sent = this.clock.local;
    const doubt = new AbortController();
    void this.#doubt(road, doubt.signal);
    try {
      const reply = (await this.ask("time", sent, ANSWER_MS)) as Clock;
      if (road !== this.#road) return;
      this.clock.learn(sent, reply.time);
    } catch (error) {
      if (road !== this.#road) return;
      if (!(error instanceof Refusal)) {
        this.#renew(false);
        return;
      }
    } finally {
      doubt.abort();
    }
    this.#beat = setTimeout(() => void this.#pulse(road), HEARTBEAT_MS);
  }

  /** Takes another road as soon as an answer is late and the media is silent too. */
  async #doubt(road: number, answered: AbortSignal): Promise<void> {
    await pause(LATE_MS);
    if (answered.aborted) return;
    const before = await this.media().catch(() => null);
    await pause(SILENT_MS);
    if (answered.aborted || before === null || before !== (await this.media().catch(() => null)) || road !== this.#road) return;
    this.#renew(true);
  }

  #renew(silent: boolean): void {
    this.#lose();
    this.#set({ silent });
    this.transport.renew();
  }

  #lose(): void {
    if (this.#closed || this.#now.phase === "refused") return;
    this.#set({ live: false, lost: this.#now.lost ?? this.clock.local });
  }

  #set(part: Partial<Standing>): void {
    this.#now = { ...this.#now, ...part };
    if (!this.#closed) this.changed(this.#now);
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
