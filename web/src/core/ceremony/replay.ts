import type { Replay } from "../../protocol/messages";
import type { Ink, Sheet, Stroke } from "./ink";

/** Between two signatures, ms. */
const PAUSE_MS = 900;
/** Nobody waits for a hand that thought: a longer pause between two strokes is shown as this, ms. A clock that was set makes none. */
const LONGEST_PAUSE_MS = 700;

interface Part {
  key: string;
  /** Where in the play it begins, ms. */
  from: number;
  ms: number;
}

/** When each stroke of a signature is drawn in a replay: in the order they came, each at the pace of its hand. */
export interface Timeline {
  parts: Part[];
  ms: number;
}

export function timelineOf(sheet: Sheet | undefined): Timeline {
  const parts: Part[] = [];
  let at = 0;
  let before: number | null = null;
  for (const { key, points } of sheet?.strokes.values() ?? []) {
    if (points.length === 0) continue;
    const [first, last] = [points[0]?.[2] ?? 0, points[points.length - 1]?.[2] ?? 0];
    if (before !== null) at += Math.max(0, Math.min(first - before, LONGEST_PAUSE_MS));
    const ms = Math.max(0, last - first);
    parts.push({ key, from: at, ms });
    at += ms;
    before = last;
  }
  return { parts, ms: at };
}

/** How many points of a stroke are drawn so many ms into the play. */
export function drawnBy(timeline: Timeline, stroke: Stroke, ms: number): number {
  const part = timeline.parts.find((each) => each.key === stroke.key);
  if (!part || ms < part.from) return 0;
  const until = (stroke.points[0]?.[2] ?? 0) + ms - part.from;
  if (ms >= part.from + part.ms) return stroke.points.length;
  const next = stroke.points.findIndex((point) => (point[2] ?? 0) > until);
  return next < 0 ? stroke.points.length : next;
}

/** Whose signature is drawn at this server time of a replay, how many ms into it, and whether all of it is over. */
export function replayed(replay: Replay, ink: Ink, signatories: number, now: number): { signatory: number; ms: number; over: boolean } {
  const order = replay.signatory === null ? Array.from({ length: signatories }, (_, index) => index) : [replay.signatory];
  let left = Math.max(0, now - replay.at) * 1000 * replay.speed;
  for (const [place, signatory] of order.entries()) {
    const took = timelineOf(ink.sheets.get(signatory)).ms + PAUSE_MS;
    if (left <= took || place === order.length - 1) return { signatory, ms: left, over: left > took };
    left -= took;
  }
  return { signatory: 0, ms: 0, over: true };
}
