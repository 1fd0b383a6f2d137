import { type Component, tick } from "svelte";
import { ServerClock } from "../../core/clock";
import type { Show } from "../../protocol/messages";
import { type Content, type KindProps, type Place, componentOf, inTime } from "./kinds";
import { recall, remember } from "./memory";

/** A picture or component that is not there by then will not come in time for the room either. */
const READY_MS = 2800;
/** From a change to the glass it takes a frame: so much earlier it is made. */
const TO_GLASS_MS = 16;

/** One content on the glass. The incoming one is mounted beside the standing one and invisible until its moment. */
export interface Layer {
  key: number;
  text: string;
  content: Content;
  component: Component<KindProps>;
  page: number;
  upcoming: number;
  since: number;
  live: boolean;
}

/** What came of an order. */
export interface Outcome {
  problem: string;
  at: number;
  lateMs: number | null;
}

/** What stands on the glass, and how it changes: prepared beforehand, at the agreed moment, told after the frame. */
export class Stage {
  readonly clock = new ServerClock();
  layers = $state.raw<readonly Layer[]>([]);
  blank = $state(false);
  /** Why the standing content broke after it was shown. */
  broken = $state("");
  place = $state.raw<Omit<Place, "clock" | "since">>({ room: "", name: "", number: 0, timezone: "WIB" });
  /** Told whenever something new stands on the glass without an order: a slide turned, a content broke. */
  changed: () => void = () => undefined;

  readonly live = $derived(this.layers.find((layer) => layer.live));

  /** By the last frame that was really drawn. */
  painted = { text: "", page: 1, blank: false, at: 0 };
  #run = 0;
  #keys = 0;
  #holds = new Map<number, Promise<unknown>[]>();
  #failures = new Map<number, string>();

  /** Brings back what stood here before the page was loaded, and an order that was under way. */
  async restore(): Promise<void> {
    const known = recall();
    this.place = { room: known.room, name: known.name, number: known.number, timezone: known.timezone };
    if (known.text !== "") {
      const show: Show = { order: 0, text: known.text, page: known.page, blank: known.blank, at: 0 };
      await inTime(this.carryOut(show, known.since), READY_MS, "").catch(() => undefined);
    }
    if (known.pending) void this.carryOut({ ...known.pending, order: 0 });
  }

  /** Forgets everything: this page is no longer this wall's screen. */
  clear(): void {
    this.#run += 1;
    this.layers = [];
    this.blank = false;
    this.painted = { text: "", page: 1, blank: false, at: this.clock.now() };
    remember({ text: "", page: 1, blank: false, pending: null });
  }

  settle(place: Stage["place"]): void {
    this.place = place;
    remember(place);
  }

  /** Carries an order out. Null when a newer one took its place. `since`: when the content was first shown, for one that is brought back. */
  async carryOut(show: Show, since = 0): Promise<Outcome | null> {
    const run = ++this.#run;
    remember({ pending: show });
    let problem = "";
    try {
      const key = await this.#prepare(show, since, run);
      if (run !== this.#run) return null;
      await this.#moment(show.at);
      if (run !== this.#run) return null;
      this.#switch(show, key);
      await tick();
      problem = key === null ? "" : (this.#failures.get(key) ?? "");
    } catch (error) {
      if (run !== this.#run) return null;
      problem = error instanceof Error ? error.message : String(error);
    }
    if (problem !== "") this.layers = this.layers.filter((layer) => layer.live);
    await frames();
    if (run !== this.#run) return null;
    const at = this.clock.now();
    this.#drawn(at);
    remember({ pending: null });
    return { problem, at, lateMs: show.at > 0 && problem === "" ? (at - show.at) * 1000 : null };
  }

  hold(key: number, ready: Promise<unknown>): void {
    ready.catch(() => undefined);
    this.#holds.set(key, [...(this.#holds.get(key) ?? []), ready]);
  }

  turn(key: number, page: number): void {
    const layer = this.live;
    if (layer?.key !== key || layer.page === page) return;
    this.layers = this.layers.map((item) => (item.key === key ? { ...item, page, upcoming: page } : item));
    void frames().then(() => {
      this.#drawn(this.clock.now());
      this.changed();
    });
  }

  /** A content's component threw. Before its moment the order fails; afterwards the wall says so. */
  fail(key: number, why: string): void {
    this.#failures.set(key, why);
    const layer = this.live;
    if (layer?.key !== key) return;
    this.broken = why;
    this.painted = { ...this.painted, text: "" };
    this.changed();
  }

  /** Mounts a new content invisibly, or makes the standing one ready for another page. Returns the new layer's key. */
  async #prepare(show: Show, since: number, run: number): Promise<number | null> {
    const standing = this.live;
    if (show.text === "" || (standing?.text === show.text && this.broken === "")) {
      if (standing && show.text !== "") await this.#ready(standing.key, () => this.#update(standing.key, { upcoming: show.page }));
      return null;
    }
    const content = JSON.parse(show.text) as Content;
    const component = await componentOf(content.kind);
    if (run !== this.#run) return null;
    const key = ++this.#keys;
    const layer: Layer = { key, text: show.text, content, component, page: show.page, upcoming: show.page, since: since || show.at, live: false };
    this.layers = [...this.layers.filter((item) => item.live), layer];
    await this.#ready(key, () => undefined);
    return key;
  }

  async #ready(key: number, change: () => void): Promise<void> {
    this.#holds.delete(key);
    this.#failures.delete(key);
    change();
    await tick();
    const failed = this.#failures.get(key);
    if (failed) throw new Error(failed);
    await inTime(Promise.all(this.#holds.get(key) ?? []), READY_MS, "gambar tidak termuat tepat waktu");
    this.#holds.delete(key);
  }

  /** Waits for the server's moment. */
  async #moment(at: number): Promise<void> {
    const left = (at - this.clock.now()) * 1000 - TO_GLASS_MS;
    if (left > 0) await new Promise((resolve) => setTimeout(resolve, left));
  }

  #switch(show: Show, key: number | null): void {
    this.blank = show.blank;
    if (key !== null) {
      this.broken = "";
      this.layers = this.layers.filter((layer) => layer.key === key).map((layer) => ({ ...layer, live: true }));
      for (const old of this.#failures.keys()) if (old !== key) this.#failures.delete(old);
    } else if (show.text === "") {
      this.layers = [];
    } else {
      const standing = this.live;
      if (standing) this.#update(standing.key, { page: show.page, upcoming: show.page });
    }
  }

  #update(key: number, part: Partial<Layer>): void {
    this.layers = this.layers.map((layer) => (layer.key === key ? { ...layer, ...part } : layer));
  }

  #drawn(at: number): void {
    const layer = this.live;
    this.painted = { text: this.broken === "" ? (layer?.text ?? "") : "", page: layer?.page ?? 1, blank: this.blank, at };
    remember({ text: layer?.text ?? "", page: this.painted.page, blank: this.blank, since: layer?.since ?? 0 });
  }
}

function frame(): Promise<void> {
  return new Promise((resolve) => requestAnimationFrame(() => resolve()));
}

/** Two frames: the first is being drawn, by the second it was on the glass. */
async function frames(): Promise<void> {
  await frame();
  await frame();
}
