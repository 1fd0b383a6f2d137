import { Part } from "../../ui/lazy.svelte";

/** Sheets that stand before the meeting: none is needed to join. */
export const sheets = {
  devices: new Part(() => import("./DeviceSheet.svelte")),
  cure: new Part(() => import("./CureSheet.svelte")),
  rehearsal: new Part(() => import("./RehearsalSheet.svelte")),
};
