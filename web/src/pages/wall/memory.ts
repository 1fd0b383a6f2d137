import type { Show } from "../../protocol/messages";

const KEY = "smartroom.wall";

/** What the wall remembers over a reload, a crash, a night without a server. */
export interface Memory {
  text: string;
  page: number;
  blank: boolean;
  /** Server time since which the content stands, seconds (Unix). */
  since: number;
  /** An order that was taken and not yet carried out. */
  pending: Show | null;
  name: string;
  number: number;
  timezone: string;
  room: string;
}

export const NOTHING: Memory = { text: "", page: 1, blank: false, since: 0, pending: null, name: "", number: 0, timezone: "WIB", room: "" };

export function recall(): Memory {
  try {
    return { ...NOTHING, ...(JSON.parse(localStorage.getItem(KEY) ?? "{}") as Partial<Memory>) };
  } catch {
    return NOTHING;
  }
}

/** A browser that forbids storage, or whose disk is full, shows all the same. */
export function remember(part: Partial<Memory>): void {
  try {
    localStorage.setItem(KEY, JSON.stringify({ ...recall(), ...part }));
  } catch {
    // the content holds until the page is closed
  }
}
