import { movers } from "../../i18n/movers";
import type { Drift, Moved, RoomState, SceneState } from "../../protocol/messages";
import { clock, type Lang, pick } from "../format";
import { valueText } from "./values";

/** A goal of a scene that fell, as a person reads it. */
export interface DriftLine {
  drift: Drift;
  label: string;
  now: string;
  goal: string;
  /** `di alat sendiri, 10.42` */
  who: string;
}

/** Who moved a property last, and when: `Budi, 10.42`. */
export function movedBy(moved: Moved | null | undefined, zone: string, lang: Lang): string {
  const w = movers[lang];
  if (!moved) return w.unknown;
  const who = moved.cause === "scene" ? w.scene(moved.scene ? pick(moved.scene, lang) : "", moved.by) : moved.cause === "hand" ? w.hand(moved.by) : w[moved.cause];
  return `${who}, ${clock(moved.at, zone, lang)}`;
}

/** What fell of a scene: value now, value wanted, and who did it. */
export function driftLines(scene: SceneState, room: RoomState, lang: Lang): DriftLine[] {
  return scene.drifted.map((drift) => {
    const device = room.devices[drift.device];
    const state = device?.properties[drift.property];
    return {
      drift,
      label: pick(drift.label, lang),
      now: valueText(device, drift.property, state?.value ?? null, lang),
      goal: valueText(device, drift.property, drift.goal, lang),
      who: movedBy(state?.moved, room.timezone, lang),
    };
  });
}

/** Where what fell was changed: on a page or by a program, at the devices, or some here and some there. */
export function fellBy(scene: SceneState, room: RoomState): "hand" | "device" | "both" {
  const hands = scene.drifted.filter((drift) => room.devices[drift.device]?.properties[drift.property]?.moved?.cause === "hand").length;
  return hands === 0 ? "device" : hands === scene.drifted.length ? "hand" : "both";
}
