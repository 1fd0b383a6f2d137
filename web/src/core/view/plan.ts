import { costs } from "../../i18n/costs";
import type { Plan, PlanStep } from "../../protocol/messages";
import { type Lang, pick } from "../format";

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

/** What a change costs beside its time, in one line; empty when it costs nothing. */
export function costsOf(step: PlanStep, lang: Lang): string {
  const w = costs[lang];
  if (step.action !== "set") return "";
  // What has no value while its device is off goes with the power, which says it.
  const back = step.reversible || (step.now === null && step.after.length > 0) ? [] : [step.now_known ? w.noWayBack : w.nothingKnown];
  return [...step.risks.map((risk) => w.risks[risk]), ...back].join(" · ");
}

/** Labels of what will be dark for a moment, said once for all; costs of the others stand with them. */
export function darkened(plan: Plan, lang: Lang): string[] {
  return plan.steps.filter((step) => step.action === "set" && step.now !== null && step.risks.includes("picture")).map((step) => pick(step.label, lang));
}
