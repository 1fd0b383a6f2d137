import { mount } from "svelte";
import "../src/styles/base.css";
import "../src/styles/sheet.css";
import type { Plan, Run } from "../src/protocol/messages";
import Panel from "../src/pages/panel/Panel.svelte";
import { Session } from "../src/pages/panel/session.svelte";
import { keyed, members, storyRoom } from "./room";
import { StoryTransport } from "./transport";

const asked = new URLSearchParams(location.search);
const room = storyRoom(asked.get("look") === "states" ? "states" : "calm");
if (asked.has("unfinished")) room.unfinished = { scene: "presentasi", run: "run-1", by: "Sekda", started: Date.now() / 1000 - 600 };
if (asked.get("undo") === "none") room.undo = null;
if (asked.get("undo") === "runs" || asked.get("undo") === "left") room.undoing = undoing(asked.get("undo") === "left");
if (asked.has("file")) room.problem = { code: "configuration", text: { id: "Alat 'projektor' tidak dikenal", en: "Unknown device 'projektor'" }, detail: "room.yaml:14: did you mean 'projector'?", fix: null, device: null, property: null };

const transport = new StoryTransport(room);
const session = new Session(transport, room.room, "");
session.me = { kind: "device", id: "t", name: "Tablet ruang", role: "technician", rooms: ["*"], actions: ["device.set", "device.act"], set_up_needed: false, protocol: 1, build: "" };
session.api.plan = (_, scene) => Promise.resolve({ ok: plan(scene) });

const target = document.getElementById("app");
if (target) mount(Panel, { target, props: { session } });
session.start();
Object.assign(window, { transport, session });

/** Taking back, on its way or with the projector left. */
function undoing(left: boolean): Run {
  const list = members("verified").map((member) => (member.property === "power" ? { ...member, state: left ? ("failed" as const) : ("waiting" as const), until: Date.now() / 1000 + 30 } : member));
  const now = Date.now() / 1000;
  return { id: "run-undo", scene: "kembalikan", by: "Tablet ruang", started: now - 3, ended: left ? now : null, result: left ? "partial" : null, members: keyed(list), steps: [] };
}

/** `Proyektor` off, the rest as it is. */
function plan(scene: string): Plan {
  const step = (device: string, property: string, label: string, now: Plan["steps"][number]["now"], goal: Plan["steps"][number]["goal"], ms: number, action: "set" | "skip" = "set"): Plan["steps"][number] => ({
    device, property, label: { id: label, en: label }, now, now_known: true, now_age_s: 0.2, goal, action, bytes: [], together: [], after: [], expected_ms: ms, risks: property === "power" ? ["lamp"] : [], reversible: property !== "power", reason: null, problem: null,
  });
  const steps = [
    step("matrix", "route.1", "Layar utama", 4, 3, 300),
    step("projector", "power", "Proyektor · daya", "off", "on", 42_000),
    step("projector", "input", "Proyektor · masukan", "hdmi2", "hdmi1", 800),
    step("cam-front", "preset", "Kamera depan · posisi", 1, 3, 2000),
    step("matrix", "mute.1", "Suara", false, false, 0, "skip"),
    step("matrix", "route.2", "Layar kanan", 2, 2, 0, "skip"),
  ];
  return { format: 1, violations: [], made: Date.now() / 1000, by: "", digest: "sha256:0", room: room.room, scene, name: { id: scene, en: scene }, base: 1, offline: false, steps, stages: [], changes: 4, unchanged: 2, expected_ms: 42_000 };
}
