import { age, duration, type Lang, pick } from "../../core/format";
import { movedBy } from "../../core/view/drift";
import { valueText } from "../../core/view/values";
import type { DeviceHealth, DeviceState, Drift, Problem, RoomState, SceneState } from "../../protocol/messages";
import type { Words } from "./words";

export type Look = "active" | "sending" | "failed" | "drifted" | "offline" | "partial" | "rehearsal";

/** One reason why a device is not as it should be, with what to do. */
export interface Reason {
  look: Look;
  text: string;
  /** The device's own word, for who looks closer. */
  detail: string;
  fix: string;
  /** What one press puts back. */
  repair?: { scene: string; drift: Drift };
}

/** Readings that mean that all is well. */
const WELL: ReadonlySet<string> = new Set(["", "none", "ok", "no error", "normal"]);
const CROWD = 8;

/** How a device stands, in one word: the worst of its line, its last run and what was changed by hand. */
export function look(device: DeviceState, room: RoomState): Look {
  // A wall whose page is closed has no fault to look for.
  if (device.link === "offline" && device.kind === "wall") return "offline";
  if (device.link === "offline") return device.problem && device.problem.code !== "unreachable" ? "failed" : "offline";
  if (device.link === "refused" || device.link === "degraded") return "failed";
  const members = ofDevice(device, room);
  if (members.some((item) => item.member.state === "failed")) return "failed";
  if (device.link === "connecting" || members.some((item) => item.member.state === "sending")) return "sending";
  return drifted(device, room).length > 0 ? "drifted" : "active";
}

/** Why a device is red, in plain words, the nearest cause first; empty when nothing is wrong. */
export function reasons(device: DeviceState, health: DeviceHealth | undefined, room: RoomState, now: number, lang: Lang, w: Words): Reason[] {
  const found: Reason[] = [];
  const unanswered = health?.unanswered ? w.unanswered(health.unanswered, age(health.unanswered_since ?? now, now, lang)) : "";
  if (device.problem && device.link !== "ready") {
    const again = health?.retry_at != null && health.retry_at > now ? w.retryIn(duration(Math.ceil(health.retry_at - now), lang)) : "";
    const since = device.link_since > 0 ? w.since(age(device.link_since, now, lang)) : "";
    found.push({
      look: look(device, room) === "offline" ? "offline" : "failed",
      text: [pick(device.problem.text, lang), since].filter((part) => part !== "").join(" "),
      detail: [device.problem.detail, unanswered, again].filter((part) => part !== "").join(" · "),
      fix: fixOf(device.problem, lang),
    });
  } else if (unanswered !== "") found.push({ look: "failed", text: unanswered, detail: "", fix: "" });
  for (const { scene, member } of ofDevice(device, room)) {
    if (member.state !== "failed") continue;
    const problem = member.problem;
    const text = `${w.sceneFailed(pick(scene.name, lang), pick(member.label, lang))}${problem ? `: ${pick(problem.text, lang)}` : ""}`;
    found.push({ look: "failed", text, detail: problem?.detail ?? "", fix: problem ? fixOf(problem, lang) : "" });
  }
  for (const { scene, drift } of drifted(device, room)) {
    const who = movedBy(device.properties[drift.property]?.moved, room.timezone, lang);
    const now = valueText(device, drift.property, device.properties[drift.property]?.value ?? null, lang);
    const goal = valueText(device, drift.property, drift.goal, lang);
    if (now === goal) continue; // it was last read as it should be, and cannot be asked now
    found.push({ look: "drifted", text: w.driftedFrom(pick(drift.label, lang), now, goal, pick(scene.name, lang)), detail: who, fix: "", repair: { scene: scene.id, drift } });
  }
  const fault = device.properties["fault"];
  if (fault?.fresh && typeof fault.value === "string" && !WELL.has(fault.value.toLowerCase())) found.push({ look: "failed", text: w.reports(fault.value), detail: "", fix: "" });
  if (health && health.garbage > 0 && health.garbage * 50 > health.received) found.push({ look: "partial", text: w.garbageSeen(health.garbage), detail: "", fix: "" });
  if (health && health.waiting >= CROWD) found.push({ look: "partial", text: w.slow(health.waiting), detail: "", fix: "" });
  if (health && health.faults !== "") found.push({ look: "rehearsal", text: w.onPurpose(health.faults), detail: "", fix: "" });
  return found;
}

function fixOf(problem: Problem, lang: Lang): string {
  return problem.fix ? pick(problem.fix, lang) : "";
}

type Scene = RoomState["scenes"][string];
type Member = NonNullable<Scene["run"]>["members"][string];

function ofDevice(device: DeviceState, room: RoomState): { scene: Scene; member: Member }[] {
  // An old run says nothing about a scene that nobody wants any more.
  const wanted = Object.values(room.scenes).filter((scene) => scene.light !== "idle" && scene.run);
  return wanted.flatMap((scene) => Object.values(scene.run?.members ?? {}).filter((member) => member.device === device.id).map((member) => ({ scene, member })));
}

function drifted(device: DeviceState, room: RoomState): { scene: SceneState; drift: Drift }[] {
  return Object.values(room.scenes).flatMap((scene) => scene.drifted.filter((drift) => drift.device === device.id).map((drift) => ({ scene, drift })));
}
