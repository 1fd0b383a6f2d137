import type { Messages } from "../../i18n";
import type { DeviceState, PropertyState, RoomState } from "../../protocol/messages";
import { age, countdown, duration, type Lang, pick } from "../format";
import { valueText } from "./values";

export type DeviceLook = "active" | "sending" | "failed" | "offline";

/** One device in a line: how it stands, and for how long when it does not. */
export interface DeviceLine {
  look: DeviceLook;
  word: string;
  note: string;
}

/** Moments at which this page saw a property take its present value: `device.property` -> server time. */
export type Changes = ReadonlyMap<string, number>;

/** Properties worth a word beside a device's name, in this order. */
const TELLING = ["power", "input", "preset", "content"] as const;

/** The devices a host looks after; a rundown and a plaque are no hardware and have places of their own. */
export function hardware(room: RoomState): readonly DeviceState[] {
  return Object.values(room.devices).filter((device) => device.kind !== "rundown" && device.kind !== "plaque");
}

/** A device's state as one line of words. */
export function deviceLine(device: DeviceState, changes: Changes, now: number, lang: Lang, m: Messages): DeviceLine {
  const since = device.link_since > 0 ? age(device.link_since, now, lang) : "";
  const problem = device.problem ? pick(device.problem.text, lang) : "";
  switch (device.link) {
    case "connecting":
      return { look: "sending", word: m.linkConnecting, note: problem };
    case "offline":
      // A wall that never had a screen is not cut off from anything.
      if (device.problem?.code === "configuration") return { look: "offline", word: m.linkUnpaired, note: problem };
      return { look: "offline", word: since ? m.offlineAge(since) : m.linkOffline, note: problem };
    case "refused":
      return { look: "failed", word: m.linkRefused, note: problem };
    case "degraded":
      return { look: "failed", word: m.linkDegraded, note: problem };
    case "ready": {
      const wait = transition(device, changes, now, lang, m);
      if (wait) return { look: "sending", word: wait, note: problem };
      const words = TELLING.map((name) => told(device, name, lang)).filter((word) => word !== "");
      return { look: "active", word: words.join(" · ") || m.linkReady, note: problem };
    }
  }
}

/** `pemanasan 40 dtk` while a device is between two states; null when it stands. */
export function transition(device: DeviceState, changes: Changes, now: number, lang: Lang, m: Messages): string | null {
  for (const [name, shape] of Object.entries(device.shapes)) {
    const state = device.properties[name];
    if (!state?.fresh || typeof state.value !== "string" || !shape.transitional.includes(state.value)) continue;
    const began = changes.get(`${device.id}.${name}`);
    const left = began === undefined ? 0 : countdown(began + shape.expected_ms / 1000, now);
    const cooling = state.value.startsWith("cool");
    if (left <= 0) return cooling ? m.coolingOnly : m.warmingOnly;
    return cooling ? m.cooling(duration(left, lang)) : m.warming(duration(left, lang));
  }
  return null;
}

/** A property as reported on the present connection; undefined when nothing is known or it is old. */
export function fresh(device: DeviceState | undefined, name: string): PropertyState | undefined {
  const state = device?.properties[name];
  return device?.link === "ready" && state?.fresh ? state : undefined;
}

function told(device: DeviceState, name: string, lang: Lang): string {
  const state = device.properties[name];
  return state && state.value !== null ? valueText(device, name, state.value, lang) : "";
}
