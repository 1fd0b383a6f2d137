import { askAgainMs, codeOf, roomOf, standingOf } from "../../core/meeting/door";
import { MeetingLine, type Standing, type Wish } from "../../core/meeting/line";
import { type Kept, Seats } from "../../core/meeting/seat";
import { pick } from "../../core/format";
import { SocketTransport } from "../../core/socket";
import { act } from "../../core/meeting/acts";
import type { Door, Ended, Problem, RoomSummary } from "../../protocol/messages";
import { Api } from "../../core/api";
import { page } from "../../ui/page.svelte";
import { canCall, deviceClass, memory } from "./browser";
import { dress } from "./face";
import { Ears } from "./ears.svelte";
import { LocalMedia } from "./media.svelte";
import type { Call } from "./call/call.svelte";
import { words } from "./words";

const GUEST = "smartroom.guest";
const SAVER = "smartroom.meeting.saver";
const ATTENDS = "smartroom.meeting.attends";
/** Two tabs with one seat would push each other out: a tab asks before it takes a seat that may be in use. */
const CHANNEL = "smartroom.meeting";
/** Slots of voices the server offers at most. */
const VOICES = 3;
/** How often the room's own page looks whether a meeting has begun. */
const ATTEND_MS = 3000;

export type SaverChoice = "auto" | "on" | "off";

/** Somebody's visit to a meeting, from the link to leaving: the page's one live object. Components read it and ask it. */
export class Visit {
  readonly code: string | null;
  /** The room whose own camera, microphone and loudspeakers this page is. */
  readonly room: string | null;
  readonly api = new Api();
  readonly tab = memory(() => sessionStorage);
  readonly browser = memory(() => localStorage);
  readonly seats = new Seats(this.tab, this.browser);
  readonly media = new LocalMedia(this.browser);
  readonly ears = new Ears();
  readonly device = deviceClass();

  door = $state.raw<Door | null>(null);
  /** Why there is no door: unknown link, over, or no server yet. */
  closed = $state.raw<Problem | null>(null);
  unreachable = $state(false);
  standing = $state.raw<Standing | null>(null);
  /** Server time, seconds; moves once a second. */
  now = $state(Date.now() / 1000);

  name = $state("");
  office = $state("");
  agency = $state<string | null>(null);
  pin = $state("");
  roomCode = $state("");
  saver = $state<SaverChoice>("auto");
  listenOnly = $state(false);
  /** Said `come in` before the meeting has begun: goes on by itself. */
  waiting = $state(false);
  /** The room takes part in every meeting that begins. */
  attends = $state(false);
  roomName = $state.raw<RoomSummary["name"] | null>(null);
  /** Another tab of this browser sits in this meeting. */
  elsewhere = $state(false);
  call = $state.raw<Call | null>(null);
  /** The call's own script did not come. */
  broken = $state(false);

  readonly m = $derived(words(page.lang));
  readonly #line: MeetingLine;
  readonly #channel: BroadcastChannel | null;
  #asked: ReturnType<typeof setTimeout> | undefined;
  #heard: (event: string, body: unknown) => void = () => undefined;

  constructor() {
    this.code = codeOf(location.pathname);
    this.room = roomOf(location.pathname);
    const guest = recall(this.browser.get(GUEST));
    this.name = guest.name;
    this.office = guest.office;
    this.agency = guest.agency;
    const saver = this.browser.get(SAVER);
    this.saver = saver === "on" || saver === "off" || saver === "auto" ? saver : this.device === "phone" ? "on" : "auto";
    const transport = new SocketTransport("/meeting", { ...(this.code && { auth: { meeting: this.code } }), retryMaxMs: 1000, timeoutMs: 2500 });
    this.#line = new MeetingLine(transport, __BUILD__, (now) => this.#follow(now), (event, body) => this.#hear(event, body));
    this.#channel = typeof BroadcastChannel === "function" ? new BroadcastChannel(CHANNEL) : null;
  }

  get line(): MeetingLine {
    return this.#line;
  }

  /** What the page shows now. */
  get view(): "loading" | "gone" | "prejoin" | "standby" | "waiting" | "lobby" | "call" | "over" {
    const phase = this.standing?.phase;
    if (phase === "ended" && (this.room === null || this.standing?.ended?.why === "elsewhere")) return "over";
    if (phase === "seated") return "call";
    if (this.room !== null) return "standby";
    if (phase === "lobby") return "lobby";
    if (this.closed) return "gone";
    if (!this.door) return "loading";
    if (standingOf(this.door) === "ended") return "gone";
    return this.waiting ? "waiting" : "prejoin";
  }

  start(): void {
    this.seats.tidy();
    setInterval(() => (this.now = this.#line.clock.now()), 1000);
    this.#channel?.addEventListener("message", (event: MessageEvent<{ ask?: string; here?: string }>) => this.#answerTabs(event.data));
    if (this.room !== null) {
      this.#standBy();
      return;
    }
    if (this.code === null) return;
    void this.knock();
    this.#line.start();
    // A page that was loaded anew goes back to its seat, with closed microphone.
    const own = this.seats.own(this.code);
    if (own) this.#comeBack(own);
    else {
      void this.media.begin();
      this.#askTabs();
    }
    this.#watch();
  }

  /** The room's own page: takes part in this meeting and the next, or no longer. */
  attend(on: boolean): void {
    this.attends = on;
    if (!on) {
      this.browser.drop(ATTENDS);
      clearTimeout(this.#asked);
      return;
    }
    this.browser.set(ATTENDS, "1");
    this.ears.prepare(VOICES);
    void this.media.open();
    void this.prefetch();
    void this.#goIn();
  }

  /** Asks what stands before the door. */
  async knock(): Promise<void> {
    if (this.code === null) return;
    clearTimeout(this.#asked);
    const reply = await this.api.door(this.code);
    if ("ok" in reply) {
      this.unreachable = false;
      this.#see(reply.ok);
    } else if (reply.status === 404 || reply.status === 410) this.closed = reply.problem;
    else this.unreachable = this.door === null;
    const left = this.door ? this.door.starts - this.now : 0;
    if (!this.closed && (this.door === null || this.door.phase === "planned")) this.#asked = setTimeout(() => void this.knock(), this.door ? askAgainMs(left) : 2000);
  }

  /** The blue button. */
  async enter(): Promise<void> {
    this.ears.prepare(VOICES);
    this.browser.set(GUEST, JSON.stringify({ name: this.name, office: this.office, agency: this.agency }));
    if (this.door && standingOf(this.door) === "planned") {
      this.waiting = true;
      return;
    }
    this.waiting = false;
    void this.prefetch();
    const last = this.code && !this.elsewhere ? this.seats.last(this.code) : null;
    // Only as the same person: somebody else at this machine is somebody else.
    const seat = last && last.name === this.name.trim() && last.agency === this.agency ? last.secret : null;
    await this.#line.join(this.#wish(), seat);
  }

  /** Takes the seat over from the other tab. */
  async moveHere(): Promise<void> {
    if (this.room !== null) return this.attend(true);
    const last = this.code ? this.seats.last(this.code) : null;
    if (!last) return;
    this.ears.prepare(VOICES);
    this.elsewhere = false;
    this.name ||= last.name;
    void this.media.begin();
    void this.prefetch();
    await this.#line.join(this.#wish(), last.secret);
  }

  /** Back to the fields. */
  back(): void {
    this.waiting = false;
  }

  /** Gives the seat up, from the lobby or the meeting. */
  async leave(): Promise<void> {
    void act(this.#line, "quit", {});
    if (this.room !== null) this.attend(false);
    else if (this.code) this.seats.drop(this.code);
    this.#over({ why: "left", text: null, retry_after: null });
    this.#line.forget({ why: "left", text: null, retry_after: null });
  }

  /** From the last page to the first. */
  again(): void {
    location.reload();
  }

  setSaver(choice: SaverChoice): void {
    this.saver = choice;
    this.browser.set(SAVER, choice);
    this.call?.saverChanged();
  }

  /** The script of the meeting itself, fetched while the fields are filled. */
  async prefetch(): Promise<typeof import("./call/call.svelte") | null> {
    try {
      this.broken = false;
      return await import("./call/call.svelte");
    } catch {
      this.broken = true;
      return null;
    }
  }

  text(problem: Problem | null): string {
    return problem ? pick(problem.text, page.lang) : "";
  }

  #wish(): Wish {
    return {
      meeting: this.code,
      room: this.room,
      name: this.name.trim() || (this.room ?? ""),
      agency: this.agency,
      office: this.office.trim(),
      device: this.device,
      listen_only: this.listenOnly || !canCall,
      pin: this.pin.trim() || null,
      room_code: this.roomCode.trim() || null,
    };
  }

  #watch(): void {
    window.addEventListener("online", () => this.#line.probe());
    document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && this.#line.probe());
  }

  #standBy(): void {
    this.#line.start();
    this.#watch();
    void dress();
    void this.media.begin();
    void this.api.call<RoomSummary[]>("GET", "/api/v1/rooms").then((reply) => {
      if ("ok" in reply) this.roomName = reply.ok.find((room) => room.id === this.room)?.name ?? null;
    });
    if (this.browser.get(ATTENDS) !== null) this.attend(true);
  }

  async #goIn(): Promise<void> {
    if (!this.attends || this.room === null || this.standing?.phase === "joining" || this.standing?.phase === "seated") return;
    clearTimeout(this.#asked);
    await this.#line.join(this.#wish(), this.seats.last(this.room)?.secret ?? null);
  }

  #comeBack(own: Kept): void {
    this.name = own.name;
    this.office = own.office;
    this.agency = own.agency;
    this.media.micOn = false;
    this.media.cameraOn = false;
    void this.prefetch();
    void this.#line.join(this.#wish(), own.secret);
    void this.media.begin();
  }

  #see(door: Door): void {
    const began = this.door?.phase === "planned" && door.phase === "open";
    this.door = door;
    if (began && this.waiting) void this.enter();
    // The form stands; what comes next is fetched while it is filled in.
    setTimeout(() => void this.prefetch().then(() => (this.saver === "on" ? undefined : dress())), 0);
  }

  #follow(next: Standing): void {
    const before = this.standing;
    this.standing = next;
    const place = this.code ?? this.room;
    if (next.seat && (next.phase === "seated" || next.phase === "lobby") && place && next.seat !== this.seats.own(place)?.secret) {
      this.seats.keep(place, { secret: next.seat, name: this.name.trim(), agency: this.agency, office: this.office.trim() });
    }
    if (next.phase === "seated" && before?.phase !== "seated") void this.#sitDown();
    else if (before?.phase === "joining" && next.phase === "door" && next.problem) this.#refused(next.problem);
    this.call?.follow(next, before);
  }

  async #sitDown(): Promise<void> {
    if (this.call) return;
    const module = await this.prefetch();
    if (!module || this.call || this.standing?.phase !== "seated") return;
    const call = new module.Call(this);
    this.#heard = (event, body) => call.hear(event, body);
    this.call = call;
    call.start();
  }

  #refused(problem: Problem): void {
    if (this.room !== null) this.#asked = setTimeout(() => void this.#goIn(), ATTEND_MS);
    if (this.code && problem.code === "blocked") void this.knock();
    if (problem.property === "pin" || problem.code === "rate_limited") void this.knock();
  }

  #hear(event: string, body: unknown): void {
    if (event === "door") this.#see(body as Door);
    else if (event === "ended") this.#over(body as Ended);
    else this.#heard(event, body);
  }

  #over(ended: Ended): void {
    this.call?.close();
    this.call = null;
    if (this.room !== null) {
      if (ended.why === "removed") this.attend(false);
      if (ended.why !== "elsewhere") this.#asked = setTimeout(() => void this.#goIn(), ATTEND_MS);
      return;
    }
    this.media.close();
    this.ears.close();
    if (this.code === null) return;
    if (ended.why === "elsewhere") this.seats.leave(this.code);
    else this.seats.drop(this.code);
  }

  /** Asks other tabs of this browser whether one of them sits here. */
  #askTabs(): void {
    if (this.code !== null && this.seats.last(this.code)) this.#channel?.postMessage({ ask: this.code });
  }

  #answerTabs(said: { ask?: string; here?: string }): void {
    const sits = this.standing?.phase === "seated" || this.standing?.phase === "lobby";
    if (said.ask === this.code && sits) this.#channel?.postMessage({ here: this.code });
    else if (said.here === this.code && !sits) this.elsewhere = true;
  }
}

interface Guest {
  name: string;
  office: string;
  agency: string | null;
}

function recall(text: string | null): Guest {
  try {
    const found = JSON.parse(text ?? "{}") as Partial<Guest>;
    return { name: String(found.name ?? ""), office: String(found.office ?? ""), agency: typeof found.agency === "string" ? found.agency : null };
  } catch {
    return { name: "", office: "", agency: null };
  }
}
