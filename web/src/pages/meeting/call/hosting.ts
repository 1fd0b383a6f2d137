import type { Deeds } from "../../../core/meeting/acts";
import type { MeetingState } from "../../../protocol/messages";
import { Part } from "../../../ui/lazy.svelte";

/** What a host's controls need of whoever shows them: the meeting page, or the room's panel, which has no seat (`me` is empty). */
export interface Hosts {
  readonly me: string;
  readonly state: MeetingState | null;
  act<E extends keyof Deeds>(event: E, body: Deeds[E]): Promise<boolean>;
}

/** Parts that only a host's page fetches. */
export const hostParts = {
  person: new Part(() => import("./HostPerson.svelte")),
};
