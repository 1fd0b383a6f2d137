import { PROTOCOL_VERSION } from "../../core/version";
import { shouldReload } from "../../core/freshness";
import type { Listener, Transport } from "../../core/transport";
import type { Ask, Clock, Identify, Leave, Painted, Problem, Show, WallHere } from "../../protocol/messages";
import { remember } from "./memory";
import type { Stage } from "./stage.svelte";

const BEAT_MS = 2000;
const ANSWER_MS = 3500;
/** Clock exchanges at the start: the shortest of a few round trips tells the offset best. */
const SAMPLES = 5;
const SAMPLE_MS = 120;
/** A break shorter than this is not worth a word on a wall. */
const SAID_AFTER_MS = 6000;
/** A browser that has grown so much is loaded anew before the system ends it; not more often than this. */
const TOO_MUCH_MB = 1200;
const RELOAD_MS = 600_000;
const RELOADED = "smartroom.wall.reloaded";

export type State = "connecting" | "live" | "lost" | "refused" | "replaced";

/** The wall's road to the server: says what it painted, is told what to paint. */
export class Link implements Listener {
  state = $state<State>("connecting");
  problem = $state.raw<Problem | null>(null);
  /** Page time at which the server was last heard, milliseconds. */
  heard = $state(0);
  identify = $state.raw<Identify | null>(null);

  #session = 0;
  #open = false;
  #order = 0;
  /** What the server has heard of the text; null: perhaps nothing. */
  #told: string | null = null;
  #problem = "";
  #lateMs: number | null = null;
  #frames = 0;
  #picture = "";
  #began = performance.now();
  #identified: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly transport: Transport,
    private readonly stage: Stage,
    private readonly build: string,
  ) {}

  start(): void {
    this.stage.changed = () => void this.#say({});
    this.transport.open(this);
    setInterval(() => void this.#beat(), BEAT_MS);
    setTimeout(() => this.#lost(), SAID_AFTER_MS);
    document.addEventListener("visibilitychange", () => void this.#say({}));
  }

  opened(): void {
    this.#session += 1;
    this.#open = true;
    this.#order = 0;
    this.#told = null;
    void this.#hello(this.#session);
  }

  closed(): void {
    this.#open = false;
    this.#session += 1;
    setTimeout(() => this.#lost(), SAID_AFTER_MS);
  }

  refused(problem: Problem): void {
    this.state = "refused";
    this.problem = problem;
    // A screen whose right has ended shows nothing of the room any more.
    this.stage.clear();
  }

  received(event: string, body: unknown): void {
    this.heard = performance.now();
    if (event === "show") void this.#show(body as Show);
    else if (event === "identify") this.#identify(body as Identify);
    else if (event === "report") void this.#say({ asked: (body as Ask).asked });
    else if (event === "look") void this.#look();
    else if (event === "leave") this.#leave(body as Leave);
  }

  async #hello(session: number): Promise<void> {
    const sent = this.stage.clock.local;
    let here: WallHere & { problem?: Problem | null };
    try {
      const hello = { protocol: PROTOCOL_VERSION, build: this.build, painted: this.#painted({}) };
      here = (await this.transport.ask("hello", hello, ANSWER_MS)) as typeof here;
    } catch {
      if (session === this.#session) this.transport.renew();
      return;
    }
    if (session !== this.#session) return;
    if (here.problem) {
      if (here.problem.code === "stale") this.#reload(`stale ${this.build}`);
      this.state = "refused";
      this.problem = here.problem;
      return;
    }
    this.stage.clock.forget();
    this.stage.clock.learn(sent, here.time);
    this.state = "live";
    this.problem = null;
    this.heard = performance.now();
    this.#picture = `/api/v1/rooms/${encodeURIComponent(here.room)}/walls/${encodeURIComponent(here.wall.replace("wall.", ""))}/picture`;
    this.stage.settle({ room: here.room, name: here.name.id, number: here.number, timezone: here.timezone });
    if (here.show) void this.#show(here.show);
    for (let sample = 0; sample < SAMPLES && session === this.#session; sample += 1) {
      await new Promise((resolve) => setTimeout(resolve, SAMPLE_MS));
      await this.#time(session);
    }
    this.#refresh(here.build);
  }

  async #time(session: number): Promise<void> {
    const sent = this.stage.clock.local;
    try {
      const reply = (await this.transport.ask("time", sent, ANSWER_MS)) as Clock;
      if (session !== this.#session || typeof reply.time !== "number") return;
      this.stage.clock.learn(sent, reply.time);
      this.heard = performance.now();
    } catch {
      if (session === this.#session) this.transport.renew();
    }
  }

  async #show(show: Show): Promise<void> {
    const session = this.#session;
    const outcome = await this.stage.carryOut(show);
    if (outcome === null) return;
    this.#problem = outcome.problem;
    this.#lateMs = outcome.lateMs;
    if (session === this.#session) this.#order = show.order;
    await this.#say({});
  }

  #identify(identify: Identify): void {
    clearTimeout(this.#identified);
    this.identify = identify;
    this.#identified = setTimeout(() => (this.identify = null), identify.seconds * 1000);
  }

  /** Somebody looks after this wall: a picture of the glass, by a script of its own. It may fail; nothing depends on it. */
  async #look(): Promise<void> {
    const glass = document.querySelector<HTMLElement>("[data-testid=wall]");
    if (!glass) return;
    try {
      const { pictureOf } = await import("./glass");
      await fetch(this.#picture, { method: "PUT", headers: { "Content-Type": "image/jpeg" }, body: await pictureOf(glass) });
    } catch {
      // whoever looks is told that none came
    }
  }

  #leave(leave: Leave): void {
    if (leave.why !== "replaced") {
      location.reload();
      return;
    }
    this.state = "replaced";
    this.#open = false;
    this.transport.close();
  }

  async #beat(): Promise<void> {
    requestAnimationFrame(() => (this.#frames += 1));
    if (!this.#open) return;
    const session = this.#session;
    await this.#say({});
    await this.#time(session);
    const memory = memoryMb();
    if (memory !== null && memory > TOO_MUCH_MB && performance.now() - this.#began > RELOAD_MS) location.reload();
  }

  async #say(part: Partial<Painted>): Promise<void> {
    if (!this.#open || this.state !== "live") return;
    const painted = this.#painted(part);
    try {
      const reply = (await this.transport.ask("painted", painted, ANSWER_MS)) as { problem?: Problem | null };
      this.heard = performance.now();
      if (!reply.problem) return;
    } catch {
      // the beat notices a dead road; the server believes nothing it did not hear
    }
    if (painted.text !== null) this.#told = null; // the next report says it again
  }

  /** What stood in the last frame that was drawn; the text only when the server does not have it yet. */
  #painted(part: Partial<Painted>): Painted {
    const { text, page, blank, at } = this.stage.painted;
    const news = text === this.#told && this.state === "live" ? null : text;
    this.#told = text;
    return {
      order: this.#order,
      text: news,
      page,
      blank,
      problem: (this.stage.broken || this.#problem).slice(0, 300),
      at,
      late_ms: this.#lateMs,
      visible: document.visibilityState === "visible",
      frames: this.#frames,
      memory_mb: memoryMb(),
      asked: null,
      ...part,
    };
  }

  #lost(): void {
    if (!this.#open && this.state !== "refused" && this.state !== "replaced") this.state = "lost";
  }

  #refresh(serverBuild: string): void {
    const untouchedMs = performance.now();
    if (shouldReload({ ownBuild: this.build, serverBuild, reloadedFor: sessionStorage.getItem(RELOADED), untouchedMs, busy: this.identify !== null })) this.#reload(serverBuild);
    else if (serverBuild !== this.build) setTimeout(() => this.#refresh(serverBuild), BEAT_MS * 10);
  }

  #reload(forBuild: string): void {
    if (sessionStorage.getItem(RELOADED) === forBuild) return;
    sessionStorage.setItem(RELOADED, forBuild);
    remember({});
    location.reload();
  }
}

function memoryMb(): number | null {
  const memory = (performance as { memory?: { usedJSHeapSize: number } }).memory;
  return memory ? Math.round(memory.usedJSHeapSize / 1e6) : null;
}
