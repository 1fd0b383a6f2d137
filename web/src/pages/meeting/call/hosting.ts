import { Part } from "../../../ui/lazy.svelte";

/** Parts that only a host's page fetches. */
export const hostParts = {
  person: new Part(() => import("./HostPerson.svelte")),
};
