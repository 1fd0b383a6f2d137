import type { DeviceState, Value } from "../../protocol/messages";
import { type Lang, pick, plainValue } from "../format";

/** A property's value as a host reads it: the room's own label, else the value with its unit. */
export function valueText(device: DeviceState | undefined, property: string, value: Value, lang: Lang): string {
  const shape = device?.shapes[property];
  const choice = shape?.choices.find((item) => sameValue(item.value, value));
  if (choice) return pick(choice.label, lang);
  return shape?.type === "content" ? contentKind(value) : plainValue(value, shape?.unit ?? "", lang);
}

/** What kind of thing a wall shows; its document is for the wall, not for a line of text. */
function contentKind(value: Value): string {
  try {
    const { kind } = JSON.parse(String(value)) as { kind?: unknown };
    return typeof kind === "string" ? kind : "";
  } catch {
    return "";
  }
}

/** Equality of wire values; positions count part by part. */
export function sameValue(a: Value, b: Value): boolean {
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((part, index) => part === b[index]);
  return a === b;
}

/** The name of a device, or its id when the room no longer has it. */
export function deviceName(devices: Record<string, DeviceState>, id: string, lang: Lang): string {
  const device = devices[id];
  return device ? pick(device.name, lang) : id;
}

/** An address as people say it: without the scheme. */
export function shortAddress(address: string): string {
  return address.replace(/^[a-z]+:\/\//, "");
}
