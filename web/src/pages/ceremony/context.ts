import { getContext, setContext } from "svelte";
import type { Desk } from "./desk.svelte";

const KEY = Symbol("desk");

export function provide(desk: Desk): void {
  setContext(KEY, desk);
}

export function theDesk(): Desk {
  return getContext(KEY);
}
