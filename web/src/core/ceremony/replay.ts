import type { Replay } from "../../protocol/messages";
import type { Ink } from "./ink";

/** Between two signatures, ms of ink time. */
const PAUSE_MS = 900;

/** How long a signature took, ms; pauses of the hand included. */
export function lengthOf(ink: Ink, signatory: number): number {
  let longest = 0;
  for (const stroke of ink.sheets.get(signatory)?.strokes.values() ?? []) longest = Math.max(longest, stroke.points.at(-1)?.[2] ?? 0);
  return longest;
}

/** When a signature's first point was made, ms: nobody waits for a hand that thought. */
export function startOf(ink: Ink, signatory: number): number {
  let first = Infinity;
  for (const stroke of ink.sheets.get(signatory)?.strokes.values() ?? []) first = Math.min(first, stroke.points[0]?.[2] ?? Infinity);
  return Number.isFinite(first) ? first : 0;
}

/** Whose signature is drawn at this server time of a replay, and up to which ms of its points. */
export function replayed(replay: Replay, ink: Ink, signatories: number, now: number): { signatory: number; ms: number; over: boolean } {
  const one = replay.signatory;
  const order = one === null ? Array.from({ length: signatories }, (_, index) => index) : [one];
  let left = Math.max(0, now - replay.at) * 1000 * replay.speed;
  for (const [place, signatory] of order.entries()) {
    const [start, end] = [startOf(ink, signatory), lengthOf(ink, signatory)];
    const took = end - start + PAUSE_MS;
    if (left <= took || place === order.length - 1) return { signatory, ms: start + left, over: left > took };
    left -= took;
  }
  return { signatory: 0, ms: 0, over: true };
}
