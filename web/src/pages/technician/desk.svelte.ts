import type { Api } from "../../core/api";
import { Connection, type Connected, UNHEARD } from "../../core/connection";
import { pick } from "../../core/format";
import { pressId } from "../../core/press-id";
import { type Outcome, Presses } from "../../core/presses";
import { NO_ANSWER, UNREADABLE } from "../../core/problems";
import type { Transport } from "../../core/transport";
import { valueText } from "../../core/view/values";
import type { Answer, DeviceFacts, DeviceHealth, DeviceState, Drift, Me, Plan, Problem, RoomState, Value } from "../../protocol/messages";
import { page } from "../../ui/page.svelte";
import { BenchLink, type Lines } from "./link";
import { look, type Look } from "./why";
import { wordsOf } from "./words";

/** A simulator answers at once; the server gives it three seconds. */
const SIMULATOR_MS = 5000;

export type Section = "devices" | "scenes" | "sources" | "runs" | "log";

/** What became of a command given by hand. */
export interface Told {
  good: boolean;
  text: string;
  detail: string;
}

/** The page's one live object: the room as every page sees it, and its lines as only a technician does. */
export class Desk {
  me = $state.raw<Me | null>(null);
  connected = $state.raw<Connected>(UNHEARD);
  lines = $state.raw<Lines>({ live: false, facts: {}, health: {}, log: [], device: null, trace: [], missed: 0, readAt: {}, problem: null });
  pending = $state.raw<ReadonlySet<string>>(new Set());
  /** Control -> what became of its last command. */
  told = $state.raw<ReadonlyMap<string, Told>>(new Map());
  /** Server time, seconds; moves four times a second. */
  now = $state(Date.now() / 1000);
  /** Changes when the history has something new. */
  happened = $state("");
  section = $state<Section>("devices");
  selected = $state<string | null>(null);
  scene = $state<string | null>(null);
  plan = $state.raw<Plan | null>(null);
  planProblem = $state.raw<Problem | null>(null);

  readonly w = $derived(wordsOf(page.lang));
  readonly room: RoomState | null = $derived(this.connected.state);
  readonly live = $derived(this.connected.link === "live" && this.lines.live);
  readonly devices: DeviceState[] = $derived(Object.values(this.room?.devices ?? {}));
  readonly device: DeviceState | undefined = $derived(this.room && this.selected ? this.room.devices[this.selected] : undefined);
  readonly looks: ReadonlyMap<string, Look> = $derived(new Map(this.devices.map((device) => [device.id, this.room ? look(device, this.room) : "offline"])));

  readonly #connection: Connection;
  readonly #presses: Presses;
  readonly #bench: BenchLink;
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(
    readonly api: Api,
    rooms: Transport,
    technicians: Transport,
    private readonly roomId: string,
    build: string,
  ) {
    this.#connection = new Connection(rooms, roomId, build, (now) => this.#follow(now));
    this.#presses = new Presses(this.#connection, roomId, (pending) => (this.pending = pending));
    this.#bench = new BenchLink(technicians, roomId, (now) => (this.lines = now));
  }

  /** Begins to follow room and lines; ends with `close()`. */
  start(): void {
    this.#connection.start();
    this.#bench.start();
    this.#timer = setInterval(() => (this.now = this.#connection.clock.now()), 250);
    void this.#identify();
  }

  close(): void {
    clearInterval(this.#timer);
    this.#connection.close();
    this.#bench.close();
  }

  /** Whether this page's person may do something; before the server said who they are, the server alone judges. */
  may(action: string): boolean {
    return this.me === null || this.me.actions.includes(action);
  }

  facts(device: string): DeviceFacts | undefined {
    return this.lines.facts[device];
  }

  health(device: string): DeviceHealth | undefined {
    return this.lines.health[device];
  }

  /** Looks at one device and follows its wire. */
  select(device: string): void {
    this.selected = device;
    this.#bench.follow(device);
  }

  /** Sets a property by hand; the answer is what the device then reported. */
  async set(device: DeviceState, property: string, value: Value): Promise<void> {
    const began = performance.now();
    const key = `${device.id}.${property}`;
    const outcome = await this.#presses.send("set", { device: device.id, property, value }, key);
    this.#tell(key, outcome, (ok) => this.w.readBack(valueText(device, property, ok, page.lang), took(began)));
  }

  /** Puts one property back to what a scene set. */
  async repair(scene: string, drift: Drift): Promise<void> {
    await this.#presses.send("retry", { scene, device: drift.device, property: drift.property }, repairKey(drift));
  }

  /** Something that is no state. */
  async act(device: DeviceState, action: string, given: Record<string, Value>): Promise<void> {
    const began = performance.now();
    const key = `${device.id}!${action}`;
    const outcome = await this.#presses.send("act", { device: device.id, action, arguments: given }, key);
    this.#tell(key, outcome, () => this.w.taken(took(began)));
  }

  /** Something to a simulator: `faults`, `front`, `power-cut`. */
  async simulate(event: "faults" | "front" | "power-cut", device: string, body: Record<string, Value>): Promise<void> {
    const key = `${device}~${event}`;
    const press = { id: pressId(), at: this.#connection.clock.now(), room: this.roomId, device, ...body };
    let outcome: Outcome = { problem: NO_ANSWER };
    try {
      const answer = (await this.#bench.ask(event, press, SIMULATOR_MS)) as Partial<Answer> | null;
      outcome = answer?.ok ? { ok: answer.ok } : { problem: answer?.problem ?? UNREADABLE };
    } catch {
      // the problem says so
    }
    this.#tell(key, outcome, (value) => String(value ?? ""));
  }

  /** Reads what a scene would do; nothing is sent but questions. */
  async readPlan(scene: string): Promise<void> {
    if (scene !== this.scene) this.plan = null;
    this.scene = scene;
    const reply = await this.api.plan(this.roomId, scene);
    if (scene !== this.scene) return;
    this.planProblem = "ok" in reply ? null : (reply.problem ?? NO_ANSWER);
    this.plan = "ok" in reply ? reply.ok : null;
  }

  async #identify(): Promise<void> {
    const me = await this.api.me();
    if (!("ok" in me)) return;
    if (me.ok.kind === "nobody") location.replace(`/login?next=${encodeURIComponent(location.pathname)}`);
    else this.me = me.ok;
  }

  #tell(key: string, outcome: Outcome, good: (value: Value) => string): void {
    const told: Told =
      "ok" in outcome
        ? { good: true, text: good(outcome.ok.value), detail: "" }
        : { good: false, text: pick(outcome.problem.text, page.lang), detail: outcome.problem.detail };
    this.told = new Map(this.told).set(key, told);
  }

  #follow(next: Connected): void {
    const before = this.connected.state;
    this.connected = next;
    this.now = this.#connection.clock.now();
    const room = next.state;
    if (!room) return;
    if (this.selected === null || !room.devices[this.selected]) {
      const first = Object.values(room.devices).find((device) => device.link !== "ready") ?? Object.values(room.devices)[0];
      if (first) this.select(first.id);
    }
    if (before && places(before) !== places(room)) this.#bench.renew();
    this.happened = happened(room);
    if (next.link === "refused" && next.problem?.code === "unauthenticated") location.assign(`/login?next=${encodeURIComponent(location.pathname)}`);
  }
}

/** Name of a repair among the controls. */
export function repairKey(drift: Drift): string {
  return `repair:${drift.device}.${drift.property}`;
}

function took(began: number): string {
  return `${Math.round(performance.now() - began)} ms`;
}

/** Changes when the room's file named other devices or addresses. */
function places(room: RoomState): string {
  return Object.values(room.devices)
    .map((device) => `${device.id} ${device.family} ${device.address}`)
    .join("\n");
}

/** Changes when somebody did something, a run ended, or a device went or came. */
function happened(room: RoomState): string {
  const ends = Object.values(room.scenes).map((scene) => scene.run?.ended ?? "");
  const links = Object.values(room.devices).map((device) => device.link_since);
  return [room.last_action?.at, room.undoing?.ended, ...ends, ...links].join(" ");
}
