export type Kind = "audioinput" | "videoinput" | "audiooutput";

export interface Device {
  id: string;
  kind: Kind;
  label: string;
}

/** What a page uses or would like to use; empty: the browser's own choice. Labels survive where ids do not. */
export interface Choice {
  id: string;
  label: string;
}

export const NONE: Choice = { id: "", label: "" };

/** One thing that happened to the devices, for a word on the page. */
export type Happened = { what: "gone" | "came"; kind: Kind; label: string; used: boolean };

/** Devices of a kind that can be named. Browsers list some twice (`default`, `communications`), and nameless ones before they may be used. */
export function named(devices: readonly Device[], kind: Kind): Device[] {
  const real = devices.filter((device) => device.kind === kind && device.id !== "" && device.label !== "" && device.id !== "default" && device.id !== "communications");
  return real.filter((device, index) => real.findIndex((other) => other.id === device.id) === index);
}

/** The device meant by a choice: the same one, else one of the same name (ids change when permission is given anew), else none. */
export function find(devices: readonly Device[], kind: Kind, choice: Choice): Device | null {
  const known = named(devices, kind);
  return known.find((device) => device.id === choice.id) ?? known.find((device) => choice.label !== "" && device.label === choice.label) ?? null;
}

/** What came and went between two lists. `using`: what the page has open now. */
export function changes(before: readonly Device[], after: readonly Device[], using: Partial<Record<Kind, Choice>>): Happened[] {
  const happened: Happened[] = [];
  for (const kind of ["audioinput", "videoinput", "audiooutput"] as const) {
    const old = named(before, kind);
    const now = named(after, kind);
    // Before permission was given the list is nameless: all that appears then was there before.
    if (old.length === 0 && !before.some((device) => device.kind === kind && device.label !== "")) continue;
    for (const device of old) {
      if (!now.some((other) => other.id === device.id)) happened.push({ what: "gone", kind, label: device.label, used: isUsed(device, using[kind]) });
    }
    for (const device of now) if (!old.some((other) => other.id === device.id)) happened.push({ what: "came", kind, label: device.label, used: false });
  }
  return happened;
}

/** Chromium's `default` is one of the others, and is called after it. */
function isUsed(device: Device, using: Choice | undefined): boolean {
  return using !== undefined && (using.id === device.id || (using.id === "default" && using.label.endsWith(device.label)));
}

/** What to open after the device in use has gone: the one remembered before it, else the first that is there. */
export function instead(devices: readonly Device[], kind: Kind, remembered: Choice): Device | null {
  return find(devices, kind, remembered) ?? named(devices, kind)[0] ?? null;
}

/** What a page does when devices changed while it uses `choice`: stay, open another one, or go on without. */
export function following(devices: readonly Device[], kind: Kind, using: Choice | null, wanted: Choice): "stay" | "none" | Device {
  if (using === null) return "stay";
  const still = devices.some((device) => device.kind === kind && device.id === using.id);
  if (still) return "stay";
  return instead(devices, kind, wanted) ?? "none";
}
