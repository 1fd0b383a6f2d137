import { getContext, setContext } from "svelte";
import type { Call } from "./call.svelte";

const KEY = Symbol("call");

/** Makes the call known to every component below. */
export function provideCall(call: Call): void {
  setContext(KEY, call);
}

export function calling(): Call {
  return getContext<Call>(KEY);
}
