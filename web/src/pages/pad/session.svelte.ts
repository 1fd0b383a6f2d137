import { Api } from "../../core/api";
import { fetchInk } from "../../core/ceremony/fetch";
import { Hand, type Field, type Touch } from "../../core/ceremony/hand";
import { keyOf } from "../../core/ceremony/ink";
import { InkSender, type Kept, type Unsaved } from "../../core/ceremony/sender";
import { Stage } from "../../core/ceremony/stage";
import type { Link } from "../../core/connection";
import { pressId } from "../../core/press-id";
import { NO_ANSWER, NOT_CONNECTED } from "../../core/problems";
import { SocketTransport } from "../../core/socket";
import type { Ceremony, CeremonyAnswer, CeremonyState, PadWelcome, Problem } from "../../protocol/messages";

const ANSWER_MS = 5000;
/** The pen rests so long before `Selesai` is offered, as on the server. */
const REST_S = 2;
/** A point's time has a bound: a field that has been open for longer counts from here, ms. */
const OPEN_MS = 3_000_000;
const TICK_MS = 250;
/** Batches leave no closer than this: the server takes 240 a second. */
const BATCH_MS = 4.2;
const FRAME_MS = 16;
const NOTHING: Kept = { received: 0, durable: 0, points: 0, problem: null };
const UNSAVED = "smartroom.pad.unsaved";

/** This tablet's one life: what it follows, what its hand draws, what is not yet on the server's disk. */
export class PadSession {
  #left = $state.raw(leftBehind());
  #returning = false;
  /** Ink of an earlier life is still on its way: until it is there nobody draws here. */
  readonly recovering = $derived(this.#left !== null);
  /** A life that left ink behind goes on under its name; otherwise each life of this page has its own. */
  readonly source = this.#left?.source ?? pressId().slice(0, 20);
  room = $state("");
  link = $state<Link>("connecting");
  /** Not a paired pad, or its right has ended. */
  refused = $state(false);
  told = $state.raw<CeremonyState | null>(null);
  kept = $state.raw(NOTHING);
  drawing = $state(false);
  /** Points drawn here in this attempt. */
  drawn = $state(0);
  problem = $state.raw<Problem | null>(null);
  busy = $state(false);
  led = $state(false);
  /** Server time, moving each quarter of a second. */
  now = $state(0);

  readonly ceremony = $derived<Ceremony | null>(this.told?.ceremony ?? null);
  readonly leader = $derived(Object.values(this.told?.pads ?? {}).find((pad) => pad.lead));
  /** A server that was started again knows no pads until they come: who led, leads. */
  readonly lead = $derived(this.leader ? this.leader.source === this.source : this.led);
  readonly active = $derived(this.ceremony?.active ?? null);
  readonly signatory = $derived(this.active === null ? null : (this.ceremony?.signatories[this.active] ?? null));
  readonly mine = $derived(this.lead && this.active !== null && this.ceremony?.stage === "open" && !this.recovering);
  readonly rested = $derived(!this.drawing && this.signatory?.pen_up != null && this.now - this.signatory.pen_up >= REST_S && this.kept.points === 0);

  stage: Stage | null = null;
  #sender: InkSender | null = null;
  #hand: Hand | null = null;
  #attempt = "";
  #stroke = 0;
  #frame = 0;
  #newest = NOTHING;
  #telling: ReturnType<typeof setTimeout> | null = null;
  #sentAt = 0;
  #joined = false;
  #road = 0;
  guess: number[][] = [];

  async start(): Promise<void> {
    const me = await new Api().me();
    if ("ok" in me && me.ok.role === "signer") {
      const named = decodeURIComponent(location.pathname.split("/")[2] ?? "");
      this.room = named || (me.ok.rooms.find((room) => room !== "*") ?? "");
    }
    if (this.room === "") {
      this.refused = "ok" in me || me.status !== 0;
      if (!this.refused) setTimeout(() => void this.start(), 2000);
      return;
    }
    this.#follow();
    setInterval(() => {
      this.now = this.stage?.connection.clock.now() ?? 0;
      this.#keep();
    }, TICK_MS);
    addEventListener("pagehide", () => this.#keep());
    document.addEventListener("visibilitychange", () => this.stage?.connection.probe());
  }

  #follow(): void {
    const stage = new Stage(new SocketTransport("/ceremony", { retryMaxMs: 1000 }), this.room, __BUILD__, fetchInk, {
      changed: (now) => {
        this.link = now.link;
        this.refused = now.link === "refused";
        this.told = now.state;
        if (this.leader) this.led = this.leader.source === this.source;
        if (now.road !== this.#road) {
          this.#road = now.road;
          this.#join(now.road);
        }
        this.#open();
      },
      durable: (word) => this.#sender?.durable(word),
    });
    this.stage = stage;
    if (!this.#left) stage.ink.own = this.source;
    const road = stage.connection;
    this.#sender = new InkSender(
      this.source,
      (event, body, ms) => road.ask(event, body, ms),
      () => road.ready && this.#joined,
      () => road.clock.now(),
      (kept) => this.#tellKept(kept),
    );
    if (this.#left) this.#sender.restore(this.#left);
    stage.start();
  }

  /** Says on each new road that this page is a pad, and sends what the server does not have. */
  #join(road: number): void {
    this.#joined = false;
    void this.stage?.connection
      .ask("pad", { room: this.room, source: this.source }, ANSWER_MS)
      .then((answer) => {
        if (road !== this.#road) return;
        const welcome = answer as PadWelcome & { problem?: Problem };
        if (welcome.problem) {
          this.refused = welcome.problem.code === "forbidden";
          return;
        }
        this.#joined = true;
        this.#sender?.resume(welcome.received, welcome.durable);
        void this.#recover();
      })
      .catch(() => {
        // Nobody answered: once more, unless the road is another one by then.
        if (road === this.#road) setTimeout(() => road === this.#road && !this.#joined && this.#join(road), ANSWER_MS);
      });
  }

  /** Ink that an earlier life left behind is on its way: this page draws what the server then has, and goes on behind it. */
  async #recover(): Promise<void> {
    const stage = this.stage;
    if (!this.#left || !stage || this.#returning) return;
    this.#returning = true;
    while (this.#joined && !this.kept.problem && this.kept.points > 0) await new Promise((resolve) => setTimeout(resolve, 50));
    if (this.#joined) {
      await stage.reload();
      stage.ink.own = this.source;
      this.#left = null;
      this.#open();
    }
    this.#returning = false;
  }

  /** What is nowhere but here outlives the page. */
  #keep(): void {
    const left = this.#sender?.unsaved() ?? null;
    try {
      if (left) sessionStorage.setItem(UNSAVED, JSON.stringify(left));
      else sessionStorage.removeItem(UNSAVED);
    } catch {
      // a kiosk browser without storage: the page itself keeps it
    }
  }

  /** Another field is open, or none: the hand begins anew. */
  #open(): void {
    const [ceremony, active, signatory, stage] = [this.ceremony, this.active, this.signatory, this.stage];
    if (!ceremony || !stage || active === null || !signatory || ceremony.stage !== "open" || !this.lead || this.#left) {
      this.#rest();
      return;
    }
    const key = `${ceremony.id} ${active} ${signatory.attempt}`;
    if (key === this.#attempt) return;
    this.#rest();
    this.#attempt = key;
    this.#sender?.begin({ ceremony: ceremony.id, signatory: active, attempt: signatory.attempt });
    this.#sender?.allow();
    const now = stage.connection.clock.now();
    // The server's clock may have been set since: time goes on from the newest point.
    const since = Math.min(Math.max((now - (signatory.began ?? now)) * 1000, stage.ink.latest(active)), OPEN_MS);
    this.#hand = new Hand(performance.now() - since, signatory.mode.pen_only);
    this.#stroke = stage.ink.next(active, this.source);
    this.drawn = 0;
  }

  /** Nobody draws here now. A stroke that was being drawn ends where it is. */
  #rest(): void {
    if (this.drawing && this.active !== null) this.stage?.ink.extend(this.active, keyOf(this.source, this.#stroke), [], true);
    this.drawing = false;
    this.guess = [];
    this.#hand = null;
    this.#attempt = "";
  }

  // -- the hand --

  down(event: Touch, field: Field): boolean {
    const points = this.#hand?.down(event, field);
    if (!points) return false;
    // A palm was there before the pen: what it drew ends here.
    if (this.drawing) this.#end("cancel");
    this.drawing = true;
    this.#add(points);
    return true;
  }

  move(event: Touch, field: Field): void {
    const points = this.#hand?.move(event, field) ?? [];
    if (points.length === 0) return;
    this.#add(points);
    this.guess = this.#hand?.guess(event, field) ?? [];
  }

  /** Lifted, or taken away by the browser: what was drawn stays. */
  up(event: Touch, end: "up" | "cancel"): void {
    if (this.#hand?.up(event)) this.#end(end);
  }

  #end(end: "up" | "cancel"): void {
    this.guess = [];
    this.#add([], end);
    this.#stroke += 1;
    this.drawing = false;
  }

  /** On the glass with this frame, to the server at once: waiting for the frame to be drawn would cost another one on the wall. */
  #add(points: number[][], end: "" | "up" | "cancel" = ""): void {
    if (this.active === null) return;
    this.#sender?.add(this.#stroke, points, end);
    if (performance.now() - this.#sentAt >= BATCH_MS) this.#flush();
    else this.#frame ||= requestAnimationFrame(() => this.#flush());
    this.stage?.ink.extend(this.active, keyOf(this.source, this.#stroke), points, end !== "");
    this.drawn += points.length;
  }

  #flush(): void {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    this.#sentAt = performance.now();
    this.#sender?.flush(this.stage?.connection.clock.now() ?? 0);
  }

  /** New ink that is only here, and trouble, are told at once; what reached the disk, once per frame. */
  #tellKept(kept: Kept): void {
    this.#newest = kept;
    if (kept.problem !== this.kept.problem || (kept.points > 0 && this.kept.points === 0)) this.kept = kept;
    else
      this.#telling ??= setTimeout(() => {
        this.#telling = null;
        this.kept = this.#newest;
      }, FRAME_MS);
  }

  // -- presses --

  async press(event: string, body: Record<string, unknown>): Promise<boolean> {
    const [road, ceremony] = [this.stage?.connection, this.ceremony];
    if (!road?.ready || !ceremony) {
      this.problem = NOT_CONNECTED;
      return false;
    }
    this.busy = true;
    try {
      const press = { id: pressId(), at: road.clock.now(), room: this.room, ceremony: ceremony.id, ...body };
      const answer = (await road.ask(event, press, ANSWER_MS)) as CeremonyAnswer;
      this.problem = answer.problem;
      return answer.problem === null;
    } catch {
      this.problem = NO_ANSWER;
      return false;
    } finally {
      this.busy = false;
    }
  }
}

/** Ink of an earlier life of this page that never reached the server's disk. */
function leftBehind(): Unsaved | null {
  try {
    return JSON.parse(sessionStorage.getItem(UNSAVED) ?? "null") as Unsaved | null;
  } catch {
    return null;
  }
}
