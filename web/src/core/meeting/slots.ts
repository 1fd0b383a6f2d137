import type { AssignedSlot } from "../../protocol/messages";

export type Reason = AssignedSlot["reason"];

/** What stands in the slots, by what the server said. A page draws from this and nothing else. */
export interface Slotted {
  slot: string;
  track: string;
  reason: Reason;
  /** Grows each time the slot got another track: an older picture may still be in it for a moment. */
  turn: number;
}

/** The server's facts about the slots of one connection. Kept as a new object after each, so that a page notices. */
export type Slotting = ReadonlyMap<string, Slotted>;

export const EMPTY: Slotting = new Map();

/** One more fact. */
export function settle(slots: Slotting, said: AssignedSlot): Slotting {
  const before = slots.get(said.slot);
  const next = new Map(slots);
  if (said.track === null) next.delete(said.slot);
  else next.set(said.slot, { slot: said.slot, track: said.track, reason: said.reason, turn: (before?.turn ?? 0) + (before?.track === said.track ? 0 : 1) });
  return next;
}

/** The slot that shows a track. */
export function slotOf(slots: Slotting, track: string | undefined): Slotted | null {
  if (track === undefined) return null;
  for (const found of slots.values()) if (found.track === track) return found;
  return null;
}
