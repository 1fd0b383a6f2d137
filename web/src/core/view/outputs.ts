import type { Messages } from "../../i18n";
import type { DeviceState, Output, RoomState, Source } from "../../protocol/messages";
import { type Lang, pick } from "../format";
import { type Changes, fresh, transition } from "./devices";
import { signal } from "./signal";
import { valueText } from "./values";

/** What one output shows, as reported. */
export interface Shown {
  source: Source | null;
  word: string;
  look: "active" | "idle" | "sending" | "offline";
  /** Why the picture cannot be seen, though it is routed: the screen warms up, is off, is blank, nothing arrives. */
  screen: string;
}

/** The property that says what an output shows. */
export function routeProperty(output: Output): string {
  return `route.${output.output}`;
}

/** What an output shows by read-back, and how its screen stands. */
export function shownOn(output: Output, room: RoomState, changes: Changes, now: number, lang: Lang, m: Messages): Shown {
  const matrix = room.devices[output.device];
  if (matrix?.kind === "wall") return shownOnWall(matrix, lang, m);
  const route = matrix?.properties[routeProperty(output)];
  const source = Object.values(room.sources).find((item) => item.device === output.device && item.input === route?.value) ?? null;
  const word = source ? pick(source.name, lang) : route ? m.nothingShown : m.unknown;
  if (!fresh(matrix, routeProperty(output))) return { source, word, look: "offline", screen: m.offline };
  const screen = output.screen ? room.devices[output.screen] : undefined;
  if (screen && screen.link !== "ready") return { source, word, look: "offline", screen: m.offline };
  const wait = screen ? transition(screen, changes, now, lang, m) : null;
  if (wait) return { source, word, look: "sending", screen: wait };
  if (isBlank(output, room)) return { source, word, look: "idle", screen: m.blanked };
  if (screen?.properties["power"]?.value === "off") return { source, word, look: "idle", screen: m.screenOff };
  if (source && signal(matrix, source.input) === false) return { source, word, look: "idle", screen: m.noSignal };
  return { source, word, look: source ? "active" : "idle", screen: "" };
}

/** A wall says itself what stands there, in the server's words. */
function shownOnWall(wall: DeviceState, lang: Lang, m: Messages): Shown {
  const content = fresh(wall, "content");
  const word = content ? valueText(wall, "content", content.value, lang) : m.unknown;
  if (!content) return { source: null, word, look: "offline", screen: m.offline };
  const dark = wall.properties["blank"]?.value === true;
  return { source: null, word, look: dark || content.value === "" ? "idle" : "active", screen: dark ? m.blanked : "" };
}

/** Whether an output's picture is hidden, at the matrix or at the screen. */
export function isBlank(output: Output, room: RoomState): boolean {
  const matrix = room.devices[output.device]?.properties;
  const screen = output.screen ? room.devices[output.screen]?.properties : undefined;
  return [matrix?.[`blank.${output.output}`], matrix?.["blank"], screen?.["blank"]].some((state) => state?.value === true);
}

/** All pictures hidden, some, or none. */
export function blankness(room: RoomState): "all" | "some" | "none" {
  const outputs = Object.values(room.outputs);
  const hidden = outputs.filter((output) => isBlank(output, room)).length;
  if (hidden === 0) return "none";
  return hidden === outputs.length ? "all" : "some";
}
