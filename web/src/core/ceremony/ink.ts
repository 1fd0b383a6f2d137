import type { InkFlow, InkSoFar, InkStroke } from "../../protocol/messages";
import { type Arriving, Pacer } from "./pace";

/** The signature field in units of ink: the same on every pad and wall. */
export const FIELD = { width: 10_000, height: 4_000 } as const;

/** [x, y, t, pressure, …]: units of the field, ms since the attempt began, 0…1000. */
export type InkPoint = number[];

/** From pen down to pen up. */
export interface Stroke {
  key: string;
  points: InkPoint[];
  ended: boolean;
}

/** One signatory's present attempt. */
export interface Sheet {
  signatory: number;
  attempt: number;
  began: number;
  strokes: Map<string, Stroke>;
}

/** A stroke has more points, from this index on; none: look at the whole sheet anew. */
export type Drawn = (signatory: number, stroke: Stroke | null, from: number) => void;

/** All ink of a ceremony as this page knows it. Points are the truth; whoever draws is told what is new. */
export class Ink {
  readonly sheets = new Map<number, Sheet>();
  /** Number of the last batch that is in here. */
  seq = 0;
  /** Source of the pad that draws here: of its strokes the server may know less than this page. */
  own = "";
  #drawers = new Set<Drawn>();
  #pacer: Pacer | null = null;

  /** Calls back with everything new until the returned function is called. */
  watch(drawn: Drawn): () => void {
    this.#drawers.add(drawn);
    return () => void this.#drawers.delete(drawn);
  }

  /** From now on, what a break has held up is drawn at a hand's pace. */
  pace(): void {
    this.#pacer ??= new Pacer((piece) => this.#arrived(piece));
  }

  /** Forgets everything: another ceremony. */
  clear(): void {
    this.#pacer?.drop();
    const known = [...this.sheets.keys()];
    this.sheets.clear();
    this.seq = 0;
    for (const signatory of known) this.#tell(signatory, null, 0);
  }

  /** What the server has, whole signatures at a time. An attempt that was begun anew meanwhile stays as it is. */
  load(found: InkSoFar): void {
    this.#pacer?.drop();
    for (const { signatory, attempt, began, strokes } of found.signatures) {
      if ((this.sheets.get(signatory)?.attempt ?? 0) > attempt) continue;
      const fresh = new Map(strokes.map((stroke) => [keyOf(stroke.source, stroke.stroke), whole(stroke)]));
      const known = this.sheets.get(signatory);
      if (this.own !== "" && known?.attempt === attempt) {
        for (const stroke of known.strokes.values()) if (stroke.key.startsWith(`${this.own}.`)) fresh.set(stroke.key, stroke);
      }
      this.sheets.set(signatory, { signatory, attempt, began, strokes: fresh });
      this.#tell(signatory, null, 0);
    }
    this.seq = found.seq;
  }

  /** Number of the next stroke of a source in a signatory's sheet. */
  next(signatory: number, source: string): number {
    const keys = [...(this.sheets.get(signatory)?.strokes.keys() ?? [])].filter((key) => key.startsWith(`${source}.`));
    return Math.max(-1, ...keys.map((key) => Number(key.slice(source.length + 1)))) + 1;
  }

  /** Latest time of any point of a signatory's sheet, ms since the attempt began. */
  latest(signatory: number): number {
    let latest = 0;
    for (const { points } of this.sheets.get(signatory)?.strokes.values() ?? []) latest = Math.max(latest, points[points.length - 1]?.[2] ?? 0);
    return latest;
  }

  /** An empty sheet for this attempt, unless it is here already. */
  begin(signatory: number, attempt: number, began: number): Sheet {
    const known = this.sheets.get(signatory);
    if (known?.attempt === attempt) return known;
    const sheet: Sheet = { signatory, attempt, began, strokes: new Map() };
    this.sheets.set(signatory, sheet);
    this.#tell(signatory, null, 0);
    return sheet;
  }

  /** A batch that flows in. "gap": batches before it are missing, ask for them. */
  take(flow: InkFlow): "taken" | "old" | "gap" {
    if (flow.seq <= this.seq) return "old";
    if (flow.seq > this.seq + 1) return "gap";
    this.seq = flow.seq;
    this.begin(flow.signatory, flow.attempt, 0);
    const { signatory, attempt, source } = flow;
    const pieces = flow.pieces.map(({ stroke, points, end }) => ({ signatory, attempt, key: keyOf(source, stroke), points, ended: end !== "" }));
    if (this.#pacer) this.#pacer.add(pieces);
    else for (const piece of pieces) this.#arrived(piece);
    return "taken";
  }

  /** Points of one stroke, from wherever they come. */
  extend(signatory: number, key: string, points: readonly InkPoint[], ended: boolean): void {
    const sheet = this.sheets.get(signatory);
    if (!sheet) return;
    let stroke = sheet.strokes.get(key);
    if (!stroke) sheet.strokes.set(key, (stroke = { key, points: [], ended: false }));
    const from = stroke.points.length;
    stroke.points.push(...points);
    stroke.ended ||= ended;
    this.#tell(signatory, stroke, from);
  }

  #arrived({ signatory, attempt, key, points, ended }: Arriving): void {
    if (this.sheets.get(signatory)?.attempt === attempt) this.extend(signatory, key, points, ended);
  }

  #tell(signatory: number, stroke: Stroke | null, from: number): void {
    for (const drawn of this.#drawers) drawn(signatory, stroke, from);
  }
}

export function keyOf(source: string, stroke: number): string {
  return `${source}.${stroke}`;
}

function whole(stroke: InkStroke): Stroke {
  return { key: keyOf(stroke.source, stroke.stroke), points: stroke.points, ended: stroke.end !== "" };
}
