import type { DeviceState, Value } from "../../protocol/messages";
import { type Lang, pick, plainValue } from "../format";

/** A property's value as a host reads it: the room's own label, else the value with its unit. */
export function valueText(device: DeviceState | undefined, property: string, value: Value, lang: Lang): string {
  const shape = device?.shapes[property];
  const choice = shape?.choices.find((item) => sameValue(item.value, value));
  return choice ? pick(choice.label, lang) : plainValue(value, shape?.unit ?? "", lang);
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
