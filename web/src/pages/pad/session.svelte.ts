import { Api } from "../../core/api";
import { fetchInk } from "../../core/ceremony/fetch";
import { Hand, type Field, type Touch } from "../../core/ceremony/hand";
import { keyOf } from "../../core/ceremony/ink";
import { InkSender, type Kept } from "../../core/ceremony/sender";
import { Stage } from "../../core/ceremony/stage";
import type { Link } from "../../core/connection";
import { pressId } from "../../core/presses";
import { NO_ANSWER, NOT_CONNECTED } from "../../core/problems";
import { SocketTransport } from "../../core/socket";
import type { Ceremony, CeremonyAnswer, CeremonyState, PadWelcome, Problem } from "../../protocol/messages";

const ANSWER_MS = 5000;
/** The pen rests so long before `Selesai` is offered, as on the server. */
const REST_S = 2;

/** This tablet's one life: what it follows, what its hand draws, what is not yet on the server's disk. */
export class PadSession {
  readonly source = pressId().slice(0, 20);
  room = $state("");
  link = $state<Link>("connecting");
  /** Not a paired pad, or its right has ended. */
  refused = $state(false);
  told = $state.raw<CeremonyState | null>(null);
  kept = $state.raw<Kept>({ received: 0, durable: 0, points: 0, problem: null });
  drawing = $state(false);
  /** Points drawn here in this attempt. */
  drawn = $state(0);
  problem = $state.raw<Problem | null>(null);
  busy = $state(false);
  /** Server time, moving each quarter of a second. */
  now = $state(0);

  readonly ceremony = $derived<Ceremony | null>(this.told?.ceremony ?? null);
  readonly lead = $derived(this.told?.pads[this.source]?.lead ?? false);
  readonly active = $derived(this.ceremony?.active ?? null);
  readonly signatory = $derived(this.active === null ? null : (this.ceremony?.signatories[this.active] ?? null));
  readonly mine = $derived(this.lead && this.active !== null && this.ceremony?.stage === "open");
  readonly rested = $derived(!this.drawing && this.signatory?.pen_up != null && this.now - this.signatory.pen_up >= REST_S && this.kept.points === 0);

  stage: Stage | null = null;
  #sender: InkSender | null = null;
  #hand: Hand | null = null;
  #attempt = "";
  #stroke = 0;
  #frame = 0;
  #joined = false;
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
    setInterval(() => (this.now = this.stage?.connection.clock.now() ?? 0), 250);
    document.addEventListener("visibilitychange", () => this.stage?.connection.probe());
  }

  #follow(): void {
    const stage = new Stage(new SocketTransport("/ceremony", { retryMaxMs: 1000 }), this.room, __BUILD__, fetchInk, {
      changed: (now) => {
        this.link = now.link;
        this.refused = now.link === "refused";
        this.told = now.state;
        if (now.link === "live") this.#join();
        else this.#joined = false;
        this.#open();
      },
      durable: (word) => this.#sender?.durable(word),
    });
    this.stage = stage;
    stage.ink.own = this.source;
    const road = stage.connection;
    this.#sender = new InkSender(
      this.source,
      (event, body, ms) => road.ask(event, body, ms),
      () => road.ready && this.#joined,
      () => road.clock.now(),
      (kept) => (this.kept = kept),
    );
    stage.start();
  }

  /** Says once per road that this page is a pad, and sends what the server does not have. */
  #join(): void {
    if (this.#joined || !this.stage) return;
    this.#joined = true;
    void this.stage.connection
      .ask("pad", { room: this.room, source: this.source }, ANSWER_MS)
      .then((answer) => {
        const welcome = answer as PadWelcome & { problem?: Problem };
        if (welcome.problem) this.refused = welcome.problem.code === "forbidden";
        else this.#sender?.resume(welcome.received, welcome.durable);
      })
      .catch(() => (this.#joined = false));
  }

  /** Another field is open, or none: the hand begins anew. */
  #open(): void {
    const ceremony = this.ceremony;
    const clock = this.stage?.connection.clock;
    if (!ceremony || !clock || this.active === null || !this.signatory || !this.mine) {
      this.#hand = null;
      this.#attempt = "";
      return;
    }
    const key = `${ceremony.id} ${this.active} ${this.signatory.attempt}`;
    if (key !== this.#attempt) {
      this.#attempt = key;
      this.#sender?.begin({ ceremony: ceremony.id, signatory: this.active, attempt: this.signatory.attempt });
      const began = performance.now() - (clock.now() - (this.signatory.began ?? clock.now())) * 1000;
      this.#hand = new Hand(began, this.signatory.mode.pen_only);
      this.#stroke = 0;
      this.drawn = 0;
      this.drawing = false;
    }
  }

  // -- the hand --

  down(event: Touch, field: Field): boolean {
    const points = this.#hand?.down(event, field);
    if (!points) return false;
    this.drawing = true;
    this.#add(points);
    return true;
  }

  move(event: Touch, field: Field): void {
    const points = this.#hand?.move(event, field) ?? [];
    if (points.length === 0) return;
    this.guess = this.#hand?.guess(event, field) ?? [];
    this.#add(points);
  }

  /** Lifted, or taken away by the browser: what was drawn stays. */
  up(event: Touch, end: "up" | "cancel"): void {
    if (!this.#hand?.up(event)) return;
    this.guess = [];
    this.#add([], end);
    this.#stroke += 1;
    this.drawing = false;
  }

  /** On the glass at once, to the server with the next frame. */
  #add(points: number[][], end: "" | "up" | "cancel" = ""): void {
    if (this.active === null) return;
    this.stage?.ink.extend(this.active, keyOf(this.source, this.#stroke), points, end !== "");
    this.#sender?.add(this.#stroke, points, end);
    this.drawn += points.length;
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      this.#sender?.flush(this.stage?.connection.clock.now() ?? 0);
    });
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
