import type { CueEntry, CueShape, RundownState } from "../../protocol/messages";

/** One line of the stage manager's book: a cue, what was planned of it, and what became of it. */
export interface CueRow {
  cue: CueShape;
  number: number;
  entry: CueEntry | null;
  mark: "done" | "current" | "next" | "coming";
  /** Server time at which it should begin, moved along by what is late already; null without a plan. */
  planned: number | null;
  /** Seconds later than planned; negative: earlier. Null while it has not begun or nobody planned it. */
  late: number | null;
}

/** The rundown as a list. A cue fired twice shows its last firing. */
export function cueRows(rundown: RundownState): CueRow[] {
  const last = new Map<string, CueEntry>(rundown.entries.map((entry) => [entry.cue, entry]));
  const latest = rundown.entries.at(-1) ?? null;
  return rundown.cues.map((cue, index) => {
    const entry = last.get(cue.id) ?? null;
    const planned = rundown.opened != null && cue.planned_at != null ? rundown.opened + cue.planned_at : null;
    const late = entry && planned !== null && entry.result !== "skipped" ? Math.round(entry.started - planned) : null;
    const mark = rundown.next === cue.id ? "next" : entry && entry === latest && entry.ended == null ? "current" : entry ? "done" : "coming";
    return { cue, number: index + 1, entry, mark, planned, late };
  });
}

/** The cue that stands now: fired last and not left yet. */
export function currentRow(rows: readonly CueRow[], rundown: RundownState): CueRow | null {
  const latest = rundown.entries.at(-1);
  return latest && latest.ended == null && latest.result !== "skipped" ? (rows.find((row) => row.cue.id === latest.cue) ?? null) : null;
}

/** `0.38`, `12.05`, `1.02.31`: a stopwatch, with the language's mark. */
export function stopwatch(seconds: number, mark: string): string {
  const whole = Math.max(0, Math.floor(seconds));
  const two = (part: number): string => String(part).padStart(2, "0");
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60)];
  return hours > 0 ? `${hours}${mark}${two(minutes)}${mark}${two(whole % 60)}` : `${minutes}${mark}${two(whole % 60)}`;
}

/** Rundowns somebody has opened, in the order of their names. */
export function openRundowns(rundowns: Record<string, RundownState>): RundownState[] {
  return Object.values(rundowns).filter((rundown) => rundown.phase !== "closed");
}
