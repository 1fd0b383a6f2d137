import { describe, expect, it } from "vitest";
import type { CueEntry, CueShape, RundownState } from "../../protocol/messages";
import { cueRows, currentRow, stopwatch } from "./rundown";

const cue = (id: string, planned_at: number | null): CueShape => ({ id, name: { id, en: id }, note: null, says: null, fallback: null, does: [], scene: null, countdown_s: null, waits: false, fire: "tap", hold_s: 1, planned_s: 60, planned_at, guarded: false });
const entry = (cueId: string, turn: number, part: Partial<CueEntry> = {}): CueEntry => ({ turn, cue: cueId, by: "Ani", started: 1000 + turn, settled: null, ended: null, result: null, reached: 0, total: 0, runs: [], problem: null, until: null, left: null, forced: false, ...part });
const show = (part: Partial<RundownState>): RundownState => ({ id: "acara", name: { id: "Acara", en: "Show" }, note: null, cues: [cue("a", 0), cue("b", 60), cue("c", null)], planned_s: null, phase: "ready", next: "a", turn: 1, opened: 1000, opened_by: "Ani", closed: null, held: null, arming: null, guard: null, entries: [], problem: null, ...part });

describe("the book", () => {
  it("marks what is next and what stands", () => {
    const rundown = show({ next: "b", entries: [entry("a", 2, { result: "achieved" })] });
    expect(cueRows(rundown).map((row) => row.mark)).toEqual(["current", "next", "coming"]);
    expect(currentRow(cueRows(rundown), rundown)?.cue.id).toBe("a");
  });

  it("says how late a cue was, by the plan", () => {
    const rundown = show({ next: "c", entries: [entry("a", 0, { started: 1000, ended: 1064, result: "achieved" }), entry("b", 3, { started: 1064, result: "achieved" })] });
    expect(cueRows(rundown).map((row) => [row.planned, row.late])).toEqual([[1000, 0], [1060, 4], [null, null]]);
  });

  it("shows the last firing of a cue that was fired again, and none as current after the end", () => {
    const rundown = show({ phase: "done", next: null, entries: [entry("a", 2, { result: "failed", ended: 1010 }), entry("a", 4, { result: "achieved", ended: 1020 })] });
    expect(cueRows(rundown)[0]?.entry?.turn).toBe(4);
    expect(currentRow(cueRows(rundown), rundown)).toBeNull();
  });

  it("is a stopwatch", () => {
    expect([0, 38.9, 725, 3751].map((seconds) => stopwatch(seconds, "."))).toEqual(["0.00", "0.38", "12.05", "1.02.31"]);
  });
});
