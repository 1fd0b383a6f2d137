import type { Reply } from "../../core/api";
import { duration, type Lang, pick } from "../../core/format";
import type { Words } from "./words";

/** Why a way in stayed shut, in words for the person before it. `wrong` is said for a refused secret. */
export function troubleOf(reply: Exclude<Reply<unknown>, { ok: unknown }>, wrong: string, lang: Lang, m: Words): string {
  if (reply.status === 0) return m.noServer;
  if (reply.status === 429) return reply.retryAfterS === null ? m.tooMany : m.tooManyFor(duration(Math.round(reply.retryAfterS), lang));
  // The server's own sentence says more than ours: which rule a password breaks, how long to wait.
  if (reply.problem) return pick(reply.problem.text, lang);
  return wrong;
}
