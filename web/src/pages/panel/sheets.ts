import { Part } from "../../ui/lazy.svelte";

/** Every sheet of the panel, by the kind under which it is opened (`Session.open`). None is needed for the first tap: each has a script of its own. */
export const sheets = {
  plan: new Part(() => import("./PlanSheet.svelte")),
  failure: new Part(() => import("./FailureSheet.svelte")),
  drift: new Part(() => import("./DriftSheet.svelte")),
  device: new Part(() => import("./DeviceSheet.svelte")),
  wall: new Part(() => import("./walls/WallSheet.svelte")),
  store: new Part(() => import("./StoreSheet.svelte")),
  history: new Part(() => import("./HistorySheet.svelte")),
  meeting: new Part(() => import("./meeting/MeetingSheet.svelte")),
  meetingCard: new Part(() => import("./meeting/MeetingCard.svelte")),
  record: new Part(() => import("./RecordSheet.svelte")),
  rundown: new Part(() => import("./Rundown.svelte")),
  rundownBanner: new Part(() => import("./RundownBanner.svelte")),
  rehearsalBanner: new Part(() => import("./RehearsalBanner.svelte")),
  menu: new Part(() => import("./MenuSheet.svelte")),
};
