import { Part } from "../../../ui/lazy.svelte";
import { sheets } from "../sheets";

/** Sheets inside the meeting. Those of hosts come only to hosts. */
export const callSheets = {
  devices: sheets.devices,
  more: new Part(() => import("./MoreSheet.svelte")),
  people: new Part(() => import("./PeopleSheet.svelte")),
  person: new Part(() => import("./PersonSheet.svelte")),
  host: new Part(() => import("./HostSheet.svelte")),
};
