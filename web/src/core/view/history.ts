import { movers } from "../../i18n/movers";
import type { HistoryEntry, Member, RunResult } from "../../protocol/messages";
import { type Lang, ZONES } from "../format";
import { sameValue } from "./values";

/** Marks of the design's table for how a run ended; a run without an end was cut short. */
export const RESULT_LOOKS = { achieved: "active", partial: "partial", failed: "failed", restored: "restored", cancelled: "idle", short: "offline" } as const;

/** How a run ended, as a key of the words. */
export function ending(entry: HistoryEntry): RunResult | "short" | null {
  return entry.run ? (entry.run.result ?? "short") : null;
}

/** Whose doing it was: a person, or a device by itself. */
export function doer(entry: HistoryEntry, lang: Lang): string {
  if (entry.cause === "device" || entry.cause === "return" || entry.cause === "unseen") return movers[lang][entry.cause];
  return entry.by;
}

/** What a run changed, and what it failed to. */
export function changedBy(entry: HistoryEntry): Member[] {
  return Object.values(entry.run?.members ?? {}).filter((member) => member.state === "failed" || member.state === "unverified" || (member.attempts > 0 && !sameValue(member.before, member.value)));
}

/** `hari ini`, `kemarin`, else `26/11` in the room's zone. */
export function dayOf(at: number, now: number, zone: string, words: { today: string; yesterday: string }): string {
  const offset = (ZONES[zone] ?? 0) * 3600;
  const days = Math.floor((now + offset) / 86_400) - Math.floor((at + offset) / 86_400);
  if (days <= 0) return words.today;
  if (days === 1) return words.yesterday;
  const local = new Date((at + offset) * 1000);
  return `${local.getUTCDate()}/${local.getUTCMonth() + 1}`;
}

/** Entries under the day they happened on, newest first as they come. */
export function byDay(entries: readonly HistoryEntry[], now: number, zone: string, words: { today: string; yesterday: string }): { day: string; entries: HistoryEntry[] }[] {
  const found: { day: string; entries: HistoryEntry[] }[] = [];
  for (const entry of entries) {
    const day = dayOf(entry.at, now, zone, words);
    const last = found[found.length - 1];
    if (last?.day === day) last.entries.push(entry);
    else found.push({ day, entries: [entry] });
  }
  return found;
}
