import type { Plan, PlanStep } from "../../protocol/messages";

/** A plan as a person reads it: what changes one by one, what stays in one line. */
export interface PlanView {
  changes: PlanStep[];
  same: PlanStep[];
  unavailable: PlanStep[];
}

/** Sorts a plan's steps by what becomes of them; order within each stays the plan's. */
export function planView(plan: Plan): PlanView {
  const of = (action: PlanStep["action"]): PlanStep[] => plan.steps.filter((step) => step.action === action);
  return { changes: of("set"), same: of("skip"), unavailable: of("unavailable") };
}
