import type { PlanStage, Run, StepRun } from "../../protocol/messages";


/** How deep a step stands: `3` not at all, `3a.1` once. */
export const depthOf = (number: string): number => number.split(".").length - 1;

/** The innermost step that goes on, and where it stands among those of the first level. */
export function runningStep(run: Run | null): { step: StepRun; place: number; total: number } | null {
  const all = run?.steps ?? [];
  const step = all.filter((item) => item.state === "running").at(-1);
  if (!step) return null;
  const outer = all.filter((item) => depthOf(item.number) === 0);
  return { step, place: outer.filter((item) => item.state !== "waiting").length, total: outer.length };
}

/** Seconds a plan's step takes, and the longest it may take when that is more. */
export function stageTime(stage: PlanStage): { seconds: number; longest: number | null } {
  return { seconds: stage.expected_ms / 1000, longest: stage.longest_ms > stage.expected_ms ? stage.longest_ms / 1000 : null };
}
