import { getContext, setContext } from "svelte";
import type { RoomState } from "../../protocol/messages";
import type { Session } from "./session.svelte";

const KEY = Symbol("panel");

/** Gives the session to all components below. */
export function provide(session: Session): void {
  setContext(KEY, session);
}

/** The panel's session; only inside components below `Panel`. */
export function panel(): Session & { readonly room: RoomState } {
  return getContext<Session & { readonly room: RoomState }>(KEY);
}
