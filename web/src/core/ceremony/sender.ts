import type { InkBatch, InkDurable, InkPiece, InkTaken, Problem } from "../../protocol/messages";
import type { InkPoint } from "./ink";

/** As many batches may be on their way: a second of ink over a slow road. */
const WINDOW = 60;
const ANSWER_MS = 4000;
/** Points and pieces of one batch, as the server takes them. */
const MOST_POINTS = 512;
const MOST_PIECES = 40;
/** The server was deciding something: it takes the next batch in a moment. */
const AGAIN_MS = 25;
/** It has too much to do, or its disk is full: it is not to be asked sixty times a second. */
const PATIENCE_MS = 500;
/** Refusals that pass by themselves; `degraded` is told besides, because until then nothing is kept but here. */
const PASSING: ReadonlySet<string> = new Set(["rate_limited", "busy", "internal", "degraded"]);

export interface Attempt {
  ceremony: string;
  signatory: number;
  attempt: number;
}

/** How the ink of the present attempt stands. */
export interface Kept {
  /** Batches the server has taken. */
  received: number;
  /** Batches that are on the server's disk. */
  durable: number;
  /** Points that are only here, still. */
  points: number;
  /** Why it is not taken now. */
  problem: Problem | null;
}

/** What a page that is loaded anew needs to go on: ink that is nowhere else. */
export interface Unsaved {
  source: string;
  attempt: Attempt;
  number: number;
  batches: InkBatch[];
  pending: InkPiece[];
}

const NONE: Kept = { received: 0, durable: 0, points: 0, problem: null };

/** Sends a pad's ink in numbered batches, once each, and keeps what is not yet on the server's disk. */
export class InkSender {
  #attempt: Attempt | null = null;
  #pending: InkPiece[] = [];
  #kept: InkBatch[] = [];
  #number = 0;
  #sent = 0;
  #underWay = 0;
  #road = 0;
  #resting = false;
  #again: ReturnType<typeof setTimeout> | undefined;
  #now = NONE;

  constructor(
    private readonly source: string,
    private readonly ask: (event: string, body: unknown, ms: number) => Promise<unknown>,
    private readonly ready: () => boolean,
    private readonly now: () => number,
    private readonly changed: (kept: Kept) => void,
  ) {}

  get kept(): Kept {
    return this.#now;
  }

  /** Ink that is not on the server's disk yet; null when all of it is. */
  unsaved(): Unsaved | null {
    if (!this.#attempt || this.#now.points === 0) return null;
    return { source: this.source, attempt: this.#attempt, number: this.#number, batches: this.#kept, pending: this.#pending };
  }

  /** Goes on from what an earlier life of this page has left. A stroke that was being drawn then ends where it was. */
  restore(left: Unsaved): void {
    this.begin(left.attempt);
    this.#number = left.number;
    this.#kept = left.batches;
    this.#pending = left.pending;
    const last = left.pending.at(-1) ?? left.batches.at(-1)?.pieces.at(-1);
    if (last?.end === "") this.add(last.stroke, [], "cancel");
    this.#count();
  }

  /** What was refused for good may be sent again: this pad leads anew. */
  allow(): void {
    if (!this.#now.problem) return;
    this.#set({ problem: null });
    this.#sent = Math.min(this.#sent, this.#now.received);
    this.#pump();
  }

  /** Another field: batches count from 1 again. What was left of the one before is nobody's any more. */
  begin(attempt: Attempt): void {
    const known = this.#attempt;
    if (known && known.ceremony === attempt.ceremony && known.signatory === attempt.signatory && known.attempt === attempt.attempt) return;
    this.#attempt = attempt;
    this.#pending = [];
    this.#kept = [];
    this.#number = this.#sent = 0;
    this.#road += 1;
    this.#underWay = 0;
    this.#set({ ...NONE });
  }

  /** Points of a stroke; they leave with the next `flush`. */
  add(stroke: number, points: readonly InkPoint[], end: InkPiece["end"] = ""): void {
    const last = this.#pending.at(-1);
    if (last?.stroke === stroke && last.end === "") {
      last.points.push(...points);
      last.end = end;
    } else {
      this.#pending.push({ stroke, points: [...points], end });
    }
    this.#count();
  }

  /** What came becomes batches, and leaves. Without a road it waits, and leaves in few large ones. */
  flush(at: number): void {
    if (!this.#attempt || !this.ready()) return;
    while (this.#pending.length > 0) {
      const pieces = take(this.#pending, MOST_POINTS, MOST_PIECES);
      this.#number += 1;
      this.#kept.push({ ...this.#attempt, source: this.source, number: this.#number, at, pieces });
    }
    this.#pump();
  }

  /** The road is new: what the server has is told, the rest leaves again. */
  resume(received: number, durable: number): void {
    this.#road += 1;
    this.#underWay = 0;
    this.#sent = received;
    clearTimeout(this.#again);
    this.#resting = false;
    // A page that was loaded anew goes on counting where its source stands; a source of its own begins at nought.
    this.#number = Math.max(this.#number, received);
    this.#drop(durable);
    this.#set({ received, durable, problem: null });
    this.flush(this.now());
  }

  /** The server's word that batches are on its disk. */
  durable(word: InkDurable): void {
    if (word.signatory !== this.#attempt?.signatory || word.attempt !== this.#attempt.attempt || word.ceremony !== this.#attempt.ceremony) return;
    this.#drop(word.number);
    this.#set({ durable: Math.max(this.#now.durable, word.number) });
  }

  #pump(): void {
    while (this.#underWay < WINDOW && !this.#resting && !this.#refused) {
      const next = this.#kept.find((batch) => batch.number > this.#sent);
      if (!next) return;
      this.#sent = next.number;
      void this.#send(next, this.#road);
    }
  }

  async #send(batch: InkBatch, road: number): Promise<void> {
    this.#underWay += 1;
    let taken: Partial<InkTaken>;
    try {
      taken = (await this.ask("ink", batch, ANSWER_MS)) as Partial<InkTaken>;
    } catch {
      return; // the road is gone: `resume` begins anew
    } finally {
      if (road === this.#road) this.#underWay -= 1;
    }
    if (road !== this.#road) return;
    const { received = this.#now.received, durable = 0, problem = null } = taken;
    const passes = problem === null || PASSING.has(problem.code);
    if (problem === null || !passes || problem.code === "degraded") this.#set({ problem });
    if (!passes) return;
    this.#drop(durable);
    this.#set({ received: Math.max(this.#now.received, received), durable: Math.max(this.#now.durable, durable) });
    if (received < batch.number) this.#rewind(received, problem !== null);
    else this.#pump();
  }

  /** Not taken: from there again, in a moment. */
  #rewind(received: number, patient: boolean): void {
    this.#sent = Math.min(this.#sent, received);
    this.#resting ||= patient;
    clearTimeout(this.#again);
    this.#again = setTimeout(() => this.#wake(), this.#resting ? PATIENCE_MS : AGAIN_MS);
  }

  #wake(): void {
    this.#resting = false;
    this.#pump();
  }

  /** Not to be sent again until this pad leads anew or another field is open. */
  get #refused(): boolean {
    return this.#now.problem !== null && !PASSING.has(this.#now.problem.code);
  }

  #drop(durable: number): void {
    this.#kept = this.#kept.filter((batch) => batch.number > durable);
    this.#count();
  }

  #count(): void {
    const held = [...this.#pending, ...this.#kept.flatMap((batch) => batch.pieces)];
    this.#set({ points: held.reduce((sum, piece) => sum + piece.points.length, 0) });
  }

  #set(part: Partial<Kept>): void {
    this.#now = { ...this.#now, ...part };
    this.changed(this.#now);
  }
}

/** Pieces with at most so many points, taken from the front; a long piece is cut. */
function take(pieces: InkPiece[], points: number, most: number): InkPiece[] {
  const taken: InkPiece[] = [];
  let room = points;
  while (room > 0 && taken.length < most) {
    const piece = pieces[0];
    if (!piece) break;
    if (piece.points.length <= room) {
      taken.push(piece);
      pieces.shift();
      room -= piece.points.length;
      if (piece.points.length === 0) room -= 1;
    } else {
      taken.push({ stroke: piece.stroke, points: piece.points.slice(0, room), end: "" });
      piece.points = piece.points.slice(room);
      room = 0;
    }
  }
  return taken;
}
