import { getContext, setContext } from "svelte";
import type { Visit } from "./visit.svelte";

const KEY = Symbol("visit");

/** Makes the visit known to every component below. */
export function provide(visit: Visit): void {
  setContext(KEY, visit);
}

export function visiting(): Visit {
  return getContext<Visit>(KEY);
}
