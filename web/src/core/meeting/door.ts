import type { Agency, Door } from "../../protocol/messages";

/** The code in `/meet/<code>`; null for another address. */
export function codeOf(path: string): string | null {
  return /^\/meet\/([A-Za-z0-9_-]{22})\/?$/.exec(path)?.[1] ?? null;
}

/** The room in `/meet/room/<room>`, whose own page it is; null for another address. */
export function roomOf(path: string): string | null {
  return /^\/meet\/room\/([a-z0-9][a-z0-9_-]{0,63})\/?$/.exec(path)?.[1] ?? null;
}

/** What a door means for somebody who stands before it. */
export type Standing = "planned" | "open" | "locked" | "ended";

export function standingOf(door: Pick<Door, "phase" | "locked">): Standing {
  if (door.phase === "ended") return "ended";
  if (door.phase === "planned") return "planned";
  return door.locked ? "locked" : "open";
}

/** Seconds until the planned start; negative when it is overdue. */
export function untilStart(door: Pick<Door, "starts">, now: number): number {
  return door.starts - now;
}

/** When to ask the door again: often near the start, seldom before. Milliseconds. */
export function askAgainMs(left: number): number {
  if (left > 3600) return 60_000;
  return left > 120 ? 15_000 : 3000;
}

/** `2 hari 3 jam`, `1.05.09` or `12.09` as parts: days, hours, minutes, seconds. */
export function split(seconds: number): { days: number; hours: number; minutes: number; seconds: number } {
  const whole = Math.max(0, Math.ceil(seconds));
  return { days: Math.floor(whole / 86_400), hours: Math.floor(whole / 3600) % 24, minutes: Math.floor(whole / 60) % 60, seconds: whole % 60 };
}

/** Agencies by rank that a few typed letters may mean: the start of a word counts more than its middle. */
export function matching(agencies: readonly Agency[], typed: string): Agency[] {
  const ordered = [...agencies].sort((one, other) => one.rank - other.rank);
  const words = fold(typed).split(" ").filter(Boolean);
  if (words.length === 0) return ordered;
  const score = (agency: Agency): number => {
    const text = fold(`${agency.short} ${agency.name}`);
    if (!words.every((word) => text.includes(word))) return -1;
    return words.every((word) => text.startsWith(word) || text.includes(` ${word}`)) ? 1 : 0;
  };
  return ordered
    .map((agency) => ({ agency, score: score(agency) }))
    .filter((found) => found.score >= 0)
    .sort((one, other) => other.score - one.score)
    .map((found) => found.agency);
}

function fold(text: string): string {
  return text
    .normalize("NFKD")
    .replace(/\p{M}/gu, "")
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, " ")
    .trim();
}
