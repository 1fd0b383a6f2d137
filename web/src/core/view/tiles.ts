import type { Messages } from "../../i18n";
import type { Member, Problem, RoomState, SceneState } from "../../protocol/messages";
import { age, clock, countdown, duration, type Lang, pick } from "../format";
import { driftLines, fellBy } from "./drift";
import { runningStep } from "./steps";
import { deviceName } from "./values";

/** States of the design's table that a scene tile can be in. */
export type TileState = "idle" | "sending" | "active" | "partial" | "failed" | "drifted" | "restored" | "offline";

/** What a tile shows beside the scene's name. */
export interface Tile {
  state: TileState;
  word: string;
  /** A second, quieter line: the reason, a wait. */
  note: string;
  progress: { done: number; total: number } | null;
  retry: boolean;
}

/** What the page itself knows about a tile, above the room's state. */
export interface TileContext {
  /** Tapped here, and the server has not yet said that it sends. */
  pressed: boolean;
  /** Tapped here, and refused. */
  refused: boolean;
  /** The link is down: nothing on the page is current. */
  cut: boolean;
  /** Server time, seconds. */
  now: number;
  heard: number | null;
  lang: Lang;
  m: Messages;
}

/** The one place where a scene's tile gets its state and words. A press shows at once, a state only as the room told it. */
export function tileOf(scene: SceneState, room: RoomState, context: TileContext): Tile {
  const { m } = context;
  const plain = { note: "", progress: null, retry: false };
  if (context.cut) {
    const word = context.heard === null ? m.offline : m.offlineAge(age(context.heard, context.now, context.lang));
    return { ...plain, state: "offline", word, note: context.refused ? m.notSent : "" };
  }
  if (context.pressed && scene.light !== "sending") return { ...plain, state: "sending", word: m.sending };
  const tile = told(scene, room, context);
  return context.refused ? { ...tile, note: m.notSent } : tile;
}

/** `42 dtk` left of the longest wait of a running scene, with what is waited for. */
export function waitOf(members: readonly Member[], now: number, lang: Lang): { left: string; member: Member } | null {
  const waits = members.filter((member) => (member.state === "waiting" || member.state === "sending") && member.until != null && member.until > now);
  const longest = waits.sort((a, b) => (b.until ?? 0) - (a.until ?? 0))[0];
  return longest?.until == null ? null : { left: duration(countdown(longest.until, now), lang), member: longest };
}

/** Taking back runs under this name; it has no tile. */
export const UNDO = "kembalikan";

/** A scene of the room; taking back is seen as one while it goes on and while something of it did not come back. */
export function sceneOf(room: RoomState, id: string): SceneState | undefined {
  const run = room.undoing;
  if (id !== UNDO || !run) return room.scenes[id];
  const members = Object.values(run.members);
  return {
    id,
    name: { id: "Kembalikan", en: "Take back" },
    icon: "undo",
    order: 0,
    danger: false,
    light: run.result === null ? "sending" : "partial",
    reached: members.filter((member) => member.state === "verified" || member.state === "skipped").length,
    total: members.length,
    since: null,
    by: run.by,
    run,
    drifted: [],
    problem: null,
  };
}

/** Members of a scene's last run, in the scene's order. */
export function membersOf(scene: SceneState): Member[] {
  return Object.values(scene.run?.members ?? {});
}

/** Members of a run that did not reach their goal, in the run's order. */
export function failedMembers(scene: SceneState): Member[] {
  return membersOf(scene).filter((member) => member.state === "failed" || member.state === "unverified");
}

/** The scene that the room is in, for the header: the one that sends, else the active one, else the one that needs a look. */
export function leadingScene(room: RoomState): SceneState | null {
  const scenes = Object.values(room.scenes);
  for (const light of ["sending", "failed", "active", "partial", "drifted", "restored"] as const) {
    const found = scenes.filter((scene) => scene.light === light).sort((a, b) => (b.since ?? 0) - (a.since ?? 0))[0];
    if (found) return found;
  }
  return null;
}

function told(scene: SceneState, room: RoomState, context: TileContext): Tile {
  const { m, lang } = context;
  const plain: Tile = { state: "idle", word: m.idle, note: "", progress: null, retry: false };
  if (scene.problem) return { ...plain, state: "failed", word: m.broken, note: pick(scene.problem.text, lang) };
  switch (scene.light) {
    case "idle":
      return plain;
    case "sending": {
      const note = stepped(scene, context) || waited(scene, room, context);
      return { ...plain, state: "sending", word: m.sendingOf(scene.reached, scene.total), note, progress: { done: scene.reached, total: scene.total } };
    }
    case "active":
      return { ...plain, state: "active", word: m.activeOf(scene.reached, scene.total), note: scene.since ? m.sinceClock(clock(scene.since, room.timezone, lang)) : "" };
    case "partial":
      return { ...plain, state: "partial", word: m.partialOf(scene.reached, scene.total), note: reason(scene, room, context), retry: true };
    case "failed": {
      const first = failedMembers(scene)[0];
      const word = first ? m.failedDevice(deviceName(room.devices, first.device, lang)) : m.failed;
      return { ...plain, state: "failed", word, note: first?.problem ? pick(first.problem.text, lang) : "", retry: true };
    }
    case "drifted":
      return { ...plain, state: "drifted", word: m.driftedBy[fellBy(scene, room)], note: drift(scene, room, lang) };
    case "restored":
      return { ...plain, state: "restored", word: m.restored, note: reason(scene, room, context), retry: true };
    case "offline":
      return { ...plain, state: "offline", word: offlineWord(room, context) };
  }
}

/** `Langkah 3 dari 7: Tunggu 12 detik · 9 dtk`. */
function stepped(scene: SceneState, { lang, m, now }: TileContext): string {
  const found = runningStep(scene.run);
  if (!found) return "";
  const left = found.step.until === null ? 0 : countdown(found.step.until, now);
  return `${m.stepOf(found.place, found.total)}: ${pick(found.step.label, lang)}${left > 0 ? ` · ${duration(left, lang)}` : ""}`;
}

/** What a running scene waits for: a device that warms up, or one that is not there. */
function waited(scene: SceneState, room: RoomState, { lang, m, now }: TileContext): string {
  const members = membersOf(scene);
  const wait = waitOf(members, now, lang);
  if (wait) return `${deviceName(room.devices, wait.member.device, lang)}: ${wait.left}`;
  const away = members.find((member) => member.state === "waiting" && room.devices[member.device]?.link !== "ready");
  return away ? `${deviceName(room.devices, away.device, lang)}: ${m.linkOffline}` : "";
}

function reason(scene: SceneState, room: RoomState, { lang, m }: TileContext): string {
  const first = failedMembers(scene)[0];
  if (!first) return "";
  const what = first.state === "unverified" ? m.unverified : shortText(first.problem, lang);
  return `${deviceName(room.devices, first.device, lang)}: ${what}`;
}

function shortText(problem: Problem | null, lang: Lang): string {
  return problem ? pick(problem.text, lang) : "";
}

/** The one thing that fell and who moved it, or how many devices are touched. */
function drift(scene: SceneState, room: RoomState, lang: Lang): string {
  const [first, ...rest] = driftLines(scene, room, lang);
  if (first && rest.length === 0) return `${first.label}: ${first.who}`;
  return [...new Set(scene.drifted.map((item) => deviceName(room.devices, item.device, lang)))].join(", ");
}

function offlineWord(room: RoomState, { lang, m, now }: TileContext): string {
  const since = Object.values(room.devices).filter((device) => device.link !== "ready" && device.link_since > 0).map((device) => device.link_since);
  return since.length > 0 ? m.offlineAge(age(Math.max(...since), now, lang)) : m.offline;
}
