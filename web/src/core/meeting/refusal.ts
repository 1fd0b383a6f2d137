import type { Problem } from "../../protocol/messages";

/** The server answered, with a problem. */
export class Refusal extends Error {
  constructor(readonly problem: Problem) {
    super(problem.code);
  }
}

/** The answer itself; throws Refusal where it carries a problem. */
export function answered<T>(reply: unknown): T {
  const problem = (reply as { problem?: Problem | null } | null)?.problem;
  if (problem) throw new Refusal(problem);
  return reply as T;
}
