import { Api } from "../../core/api";
import type { ServerClock } from "../../core/clock";
import { Connection, type Connected, UNHEARD } from "../../core/connection";
import { pick } from "../../core/format";
import { shouldReload } from "../../core/freshness";
import { type Asks, type Outcome, Presses } from "../../core/presses";
import type { Transport } from "../../core/transport";
import { sceneOf } from "../../core/view/tiles";
import { messages } from "../../i18n";
import type { Me, Override, Problem, RoomState } from "../../protocol/messages";
import { page } from "../../ui/page.svelte";

/** A word on what became of a press stays this long. */
const NOTICE_MS = 7000;
/** After the server took a scene, its first patch is on the way: the press stays visible until then. */
const SETTLE_MS = 1500;

const RUNDOWN = "#susunan/";
const RELOADED = "smartroom.reloaded";

export interface Notice {
  number: number;
  key: string;
  good: boolean;
  text: string;
  fix: string;
}

export type MeetingTab = "people" | "lobby" | "stage" | "roll" | "link";

/** Which sheet is open, and for what. */
export type Open =
  | { kind: "meeting"; tab: MeetingTab; person?: string }
  | { kind: "plan" | "failure" | "drift"; scene: string } | { kind: "device" | "wall"; device: string } | { kind: "store"; device: string; preset: string } | { kind: "menu" | "history" | "record" } | null;

/** The panel's one live object: room, link, presses, clock, notices. Components read it and ask it; none has a socket. */
export class Session {
  readonly api = new Api();
  me = $state.raw<Me | null>(null);
  connected = $state.raw<Connected>(UNHEARD);
  pending = $state.raw<ReadonlySet<string>>(new Set());
  notices = $state.raw<readonly Notice[]>([]);
  /** Server time, seconds; moves once a second. */
  now = $state(Date.now() / 1000);
  roundTripMs = $state<number | null>(null);
  open = $state.raw<Open>(null);
  /** The rundown in the place of tiles and routing; in the address too, so that a tablet that is loaded anew comes back to it. */
  rundown = $state.raw<string | null>(location.hash.startsWith(RUNDOWN) ? location.hash.slice(RUNDOWN.length) : null);
  /** The running meeting whose card was turned over, to see the room's devices in its place. */
  turned = $state.raw<string | null>(null);
  /** `device.property` -> server time at which this page saw its value change. */
  changes = $state.raw<ReadonlyMap<string, number>>(new Map());

  /** Scenes that the server took and whose run no patch has shown yet. */
  settling = $state.raw<ReadonlyMap<string, string>>(new Map());

  readonly m = $derived(messages(page.lang));
  readonly room: RoomState | null = $derived(this.connected.state);
  readonly live = $derived(this.connected.link === "live");
  /** The values on the page are not current. */
  readonly cut = $derived(this.connected.link !== "live");
  readonly refused: ReadonlySet<string> = $derived(new Set(this.notices.filter((notice) => !notice.good).map((notice) => notice.key)));

  readonly #connection: Connection;
  readonly #presses: Presses;
  readonly #own: string;
  #number = 0;
  #touched = performance.now();
  #stops: (() => void)[] = [];

  constructor(transport: Transport, room: string, build: string) {
    this.#own = build;
    this.#connection = new Connection(transport, room, build, (now) => this.#follow(now));
    this.#presses = new Presses(this.#connection, room, (pending) => (this.pending = pending));
  }

  /** Begins to follow the room; ends with `close()`. */
  start(): void {
    this.#connection.start();
    const tick = setInterval(() => this.#tick(), 1000);
    const probe = (): void => this.#connection.probe();
    const touch = (): void => void (this.#touched = performance.now());
    const seen = (): void => void (document.visibilityState === "visible" && probe());
    window.addEventListener("online", probe);
    window.addEventListener("offline", probe);
    document.addEventListener("visibilitychange", seen);
    window.addEventListener("pointerdown", touch, true);
    window.addEventListener("keydown", touch, true);
    this.#stops = [
      () => clearInterval(tick),
      () => window.removeEventListener("online", probe),
      () => window.removeEventListener("offline", probe),
      () => document.removeEventListener("visibilitychange", seen),
      () => window.removeEventListener("pointerdown", touch, true),
      () => window.removeEventListener("keydown", touch, true),
    ];
  }

  close(): void {
    for (const stop of this.#stops) stop();
    this.#connection.close();
  }

  /** The server's clock. */
  get clock(): ServerClock {
    return this.#connection.clock;
  }

  /** Whether this page's person or tablet may do something; before the server said who they are, the server alone judges. */
  may(action: string): boolean {
    return this.me === null || this.me.actions.includes(action);
  }

  /** Sends a press whose refusal its own sheet tells. */
  ask<E extends keyof Asks>(event: E, body: Asks[E], key: string): Promise<Outcome> {
    return this.#presses.send(event, body, key);
  }

  /** Sends a press; a refusal becomes a notice at the control named by `key`. */
  async press<E extends keyof Asks>(event: E, body: Asks[E], key: string): Promise<Outcome> {
    const outcome = await this.#presses.send(event, body, key);
    if ("problem" in outcome) this.tell(key, outcome.problem);
    return outcome;
  }

  /** Recalls a scene; the tile says `Mengirim` from the tap until the room itself tells. */
  async apply(scene: string): Promise<void> {
    const key = sceneKey(scene);
    const outcome = await this.#presses.send("apply", { scene }, key);
    this.#settling(scene, outcome);
    if (!("problem" in outcome)) return;
    this.tell(key, outcome.problem);
    // Which rule, and whether it can be set aside, stands in the plan.
    if (outcome.problem.code === "rule") this.open = { kind: "plan", scene };
  }

  /** Recalls a scene only if it still does what the plan of this digest said; what moved since is the caller's to tell. */
  async applyPlanned(scene: string, plan: string, override?: Override): Promise<Problem | null> {
    const key = sceneKey(scene);
    const outcome = await this.#presses.send("apply", override ? { scene, plan, override } : { scene, plan }, key);
    this.#settling(scene, outcome);
    if (!("problem" in outcome)) return null;
    if (outcome.problem.code !== "stale") this.tell(key, outcome.problem);
    return outcome.problem;
  }

  /** Brings back what failed or fell: all of it, one device's, or one property. */
  async retry(scene: string, device: string | null, property: string | null = null): Promise<void> {
    this.#settling(scene, await this.press("retry", { scene, device, property }, sceneKey(scene)));
  }

  /** Shows a rundown instead of tiles, or tiles again. */
  show(rundown: string | null): void {
    this.rundown = rundown;
    this.open = null;
    history.replaceState(null, "", rundown === null ? location.pathname + location.search : RUNDOWN + rundown);
  }

  /** Says in words what became of a press. */
  tell(key: string, problem: Problem): void {
    const device = problem.device ? this.room?.devices[problem.device] : undefined;
    const text = pick(problem.text, page.lang);
    const named = device ? `${pick(device.name, page.lang)}: ${text}` : text;
    this.#notice({ key, good: false, text: named, fix: problem.fix ? pick(problem.fix, page.lang) : "" });
  }

  /** Good news that no tile shows. */
  done(key: string, text: string): void {
    this.#notice({ key, good: true, text, fix: "" });
  }

  dismissNotice(number: number): void {
    this.notices = this.notices.filter((notice) => notice.number !== number);
  }

  #notice(part: Omit<Notice, "number">): void {
    const number = ++this.#number;
    // One notice per control: the newest word counts.
    this.notices = [...this.notices.filter((notice) => notice.key !== part.key), { ...part, number }].slice(-3);
    setTimeout(() => this.dismissNotice(number), NOTICE_MS);
  }

  #settling(scene: string, outcome: Outcome): void {
    if (!("ok" in outcome)) return;
    const run = outcome.ok.run;
    if (run === null || (this.room && sceneOf(this.room, scene)?.run?.id === run)) return;
    const key = sceneKey(scene);
    this.settling = new Map(this.settling).set(key, run);
    setTimeout(() => this.#settled(key), SETTLE_MS);
  }

  #settled(key: string): void {
    const left = new Map(this.settling);
    if (left.delete(key)) this.settling = left;
  }

  #follow(next: Connected): void {
    const before = this.connected.state;
    if (next.state && before && next.state !== before) this.changes = changesOf(before, next.state, this.changes);
    this.connected = next;
    this.now = this.#connection.clock.now();
    for (const [key, run] of this.settling) {
      if (next.state && sceneOf(next.state, key.slice("scene:".length))?.run?.id === run) this.#settled(key);
    }
    if (next.link === "refused" && next.problem?.code === "unauthenticated") location.assign(`/login?next=${encodeURIComponent(location.pathname)}`);
  }

  #tick(): void {
    this.now = this.#connection.clock.now();
    this.roundTripMs = this.#connection.clock.roundTripMs;
    this.#refresh();
  }

  #refresh(): void {
    const { serverBuild } = this.connected;
    const busy = this.open !== null || this.pending.size > 0;
    const untouchedMs = performance.now() - this.#touched;
    if (!shouldReload({ ownBuild: this.#own, serverBuild, reloadedFor: sessionStorage.getItem(RELOADED), untouchedMs, busy })) return;
    sessionStorage.setItem(RELOADED, serverBuild);
    location.reload();
  }
}

/** Name of a scene's tile among the controls. */
export function sceneKey(scene: string): string {
  return `scene:${scene}`;
}

/** Name of a property's control among the controls. */
export function setKey(device: string, property: string): string {
  return `set:${device}.${property}`;
}

function changesOf(before: RoomState, after: RoomState, known: ReadonlyMap<string, number>): ReadonlyMap<string, number> {
  const found = new Map(known);
  let any = false;
  for (const [id, device] of Object.entries(after.devices)) {
    const old = before.devices[id];
    if (old === device) continue;
    for (const [name, property] of Object.entries(device.properties)) {
      if (old?.properties[name]?.value === property.value) continue;
      found.set(`${id}.${name}`, property.at);
      any = true;
    }
  }
  return any ? found : known;
}
