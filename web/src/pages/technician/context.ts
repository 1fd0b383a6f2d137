import { getContext, setContext } from "svelte";
import type { RoomState } from "../../protocol/messages";
import type { Desk } from "./desk.svelte";

const KEY = Symbol("technician");

/** Gives the desk to all components below. */
export function provide(desk: Desk): void {
  setContext(KEY, desk);
}

/** The technician's desk; only inside components below `Technician`, and only once the room is known. */
export function technician(): Desk & { readonly room: RoomState } {
  return getContext<Desk & { readonly room: RoomState }>(KEY);
}
