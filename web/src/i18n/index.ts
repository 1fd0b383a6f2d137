import type { Lang } from "../core/format";
import { en } from "./en";
import { id, type Messages } from "./id";

export type { Messages };

/** All words of a language. */
export function messages(lang: Lang): Messages {
  return lang === "en" ? en : id;
}
