import { describe, expect, it } from "vitest";
import { emptyRoom, TestTransport } from "../../core/testing";
import type { DeviceHealth, DeviceState, Problem, SceneState, TraceLine } from "../../protocol/messages";
import { typedOf, valueOf } from "./inputs";
import { BenchLink, type Lines } from "./link";
import { asText, binary, filtered, marked, moment } from "./lines";
import { look, reasons } from "./why";
import { wordsOf } from "./words";

const w = wordsOf("id");

function device(part: Partial<DeviceState> = {}): DeviceState {
  return { id: "projector", name: { id: "Proyektor", en: "Projector" }, kind: "projector", family: "pjlink", address: "tcp://h:1", simulated: false, link: "ready", link_since: 0, problem: null, epoch: 1, shapes: {}, actions: [], presets: {}, properties: {}, ...part } as DeviceState;
}

function health(part: Partial<DeviceHealth> = {}): DeviceHealth {
  return { link: "ready", since: 0, epoch: 1, retry_at: null, restarts: 0, waiting: 0, heard_at: null, read_at: null, median_ms: null, p95_ms: null, sent: 10, received: 10, timeouts: 0, stray: 0, garbage: 0, unanswered: "", unanswered_since: null, unsupported: [], last_error: null, faults: "", ...part };
}

function problem(code: Problem["code"], text: string, fix = ""): Problem {
  return { code, text: { id: text, en: "" }, detail: "kata alat", fix: fix ? { id: fix, en: "" } : null, device: null, property: null };
}

function line(number: number, part: Partial<TraceLine> = {}): TraceLine {
  return { number, at: 1_795_000_000 + number, kind: "out", hex: "31", text: "1", left_out: 0, note: "operator", meaning: null, ...part };
}

describe("why a device is red", () => {
  const said = (state: DeviceState, told?: DeviceHealth, room = emptyRoom()): string[] => reasons(state, told, room, 1000, "id", w).map((reason) => reason.text);

  it("a healthy device has no reason", () => {
    expect(said(device(), health())).toEqual([]);
    expect(look(device(), emptyRoom())).toBe("active");
  });

  it("silence is failed and names the last bytes; no connection is offline; a closed wall is offline", () => {
    const silent = device({ link: "offline", link_since: 996, problem: problem("timeout", "Alat tidak menjawab", "Periksa kabel") });
    const [first] = reasons(silent, health({ unanswered: "%1POWR 1\\r", unanswered_since: 990, retry_at: 1003 }), emptyRoom(), 1000, "id", w);
    expect(first?.look).toBe("failed");
    expect(first?.text).toBe("Alat tidak menjawab sejak 4 dtk lalu");
    expect(first?.detail).toBe("kata alat · Tidak ada jawaban setelah %1POWR 1\\r, 10 dtk lalu · mencoba lagi dalam 3 dtk");
    expect(first?.fix).toBe("Periksa kabel");
    expect(look(device({ link: "offline", problem: problem("unreachable", "") }), emptyRoom())).toBe("offline");
    expect(look(device({ link: "offline", kind: "wall", problem: problem("configuration", "") }), emptyRoom())).toBe("offline");
    expect(look(device({ link: "refused", problem: problem("wrong_password", "") }), emptyRoom())).toBe("failed");
  });

  it("a failed property of a run counts while its scene is wanted", () => {
    const member = { device: "projector", property: "power", goal: "on", label: { id: "Proyektor · daya", en: "" }, state: "failed", value: "off", problem: problem("not_reached", "tidak berubah"), attempts: 3, ms: 1, until: null };
    const scene = { id: "rapat", name: { id: "Rapat", en: "" }, light: "partial", drifted: [], run: { members: { "projector.power": member } } } as unknown as SceneState;
    expect(said(device(), health(), emptyRoom({ scenes: { rapat: scene } }))).toEqual(["Mode Rapat: Proyektor · daya: tidak berubah"]);
    expect(said(device(), health(), emptyRoom({ scenes: { rapat: { ...scene, light: "idle" } } }))).toEqual([]);
    expect(look(device(), emptyRoom({ scenes: { rapat: scene } }))).toBe("failed");
  });

  it("drift, garbage, crowd, the device's own report and practice are told", () => {
    const scene = { id: "rapat", name: { id: "Rapat", en: "" }, light: "drifted", drifted: [{ device: "projector", property: "input", label: { id: "Proyektor · masukan", en: "" }, goal: "hdmi1" }], run: null } as unknown as SceneState;
    const sick = device({ properties: { fault: { value: "lamp", at: 1, source: "query", fresh: true, moved: null } } });
    const all = reasons(sick, health({ garbage: 5, waiting: 9, faults: "delay=2" }), emptyRoom({ scenes: { rapat: scene } }), 1000, "id", w);
    expect(all.map((reason) => reason.look)).toEqual(["drifted", "failed", "partial", "partial", "rehearsal"]);
    expect(all[0]?.text).toContain("Proyektor · masukan");
    expect(all[0]?.repair?.drift.goal).toBe("hdmi1");
    expect(all[4]?.text).toContain("delay=2");
    expect(look(device(), emptyRoom({ scenes: { rapat: scene } }))).toBe("drifted");
  });
});

describe("the wire", () => {
  it("routine questions and their answers can be left out; words are found in bytes and meaning", () => {
    const lines = [line(1, { note: "poll" }), line(2, { kind: "in", note: "" }), line(3, { text: "1*3!", meaning: { id: "atur route.3 = 1", en: "" } }), line(4, { kind: "in", note: "" }), line(5, { note: "alive?" }), line(6, { kind: "link", text: "", note: "ready" })];
    const numbers = (word: string, routine: boolean): number[] => filtered(marked(lines), word, routine, "id").map((item) => item.line.number);
    expect(numbers("", true)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(numbers("", false)).toEqual([3, 4, 6]);
    expect(numbers("ROUTE.3", true)).toEqual([3]);
  });

  it("bytes without words are shown as hexadecimal", () => {
    expect(binary(line(1, { text: "\\x81\\x09\\x04G\\xff", hex: "81 09 04 47 FF" }))).toBe(true);
    expect(binary(line(1, { text: "%1POWR 1\\r", hex: "25 31 50 4F 57 52 20 31 0D" }))).toBe(false);
  });

  it("copies moments in the room's zone, direction, bytes, hexadecimal and meaning", () => {
    expect(moment(0.204, "WIB", "id")).toBe("07.00.00,204");
    const text = asText(marked([line(1, { at: 0, text: "Q", hex: "51", meaning: { id: "tanya firmware", en: "" } })]), "WIB", "id");
    expect(text).toBe("07.00.00,000  →  Q  [51]  tanya firmware  operator");
  });
});

describe("what a hand types", () => {
  it("becomes a value of its type, or none", () => {
    const typed = (text: string, second = ""): { text: string; second: string } => ({ text, second });
    expect(valueOf("number", typed("40,5"))).toEqual({ ok: 40.5 });
    expect(valueOf("integer", typed("drei"))).toBeNull();
    expect(valueOf("integer", typed(""))).toBeNull();
    expect(valueOf("position", typed("12", "-3"))).toEqual({ ok: [12, -3] });
    expect(valueOf("position", typed("12"))).toBeNull();
    expect(valueOf("boolean", typed("true"))).toEqual({ ok: true });
    expect(valueOf("choice", typed("sideways"))).toBeNull();
    expect(valueOf("text", typed("welcome"))).toEqual({ ok: "welcome" });
    expect(typedOf([1, 2])).toEqual({ text: "1", second: "2" });
  });
});

describe("the bench's link", () => {
  const opened = { protocol: 1, build: "", bench: { room: "r", time: 1, facts: { matrix: { faults: true } }, health: {} }, log: [] };

  function begun(): { road: TestTransport; link: BenchLink; now: () => Lines } {
    let lines: Lines | undefined;
    const road = new TestTransport();
    const link = new BenchLink(road, "r", (next) => (lines = next));
    link.start();
    link.follow("matrix");
    road.connect();
    return { road, link, now: () => lines as Lines };
  }
  const settle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));

  it("opens, follows the chosen wire, and goes on from the last line after a break", async () => {
    const { road, now } = begun();
    road.last("open").answer(opened);
    await settle();
    expect(road.last("trace").body).toEqual({ device: "matrix", since: 0 });
    road.last("trace").answer({ device: "matrix", lines: [line(1), line(2)], missed: 0, read_at: { "route.1": 5 } });
    await settle();
    road.listener?.received("trace", { device: "matrix", lines: [line(2), line(3)], missed: 4, read_at: {} });
    expect(now().trace.map((item) => item.number)).toEqual([1, 2, 3]);
    expect(now().missed).toBe(4);
    road.drop();
    expect(now().live).toBe(false);
    road.connect();
    road.last("open").answer(opened);
    await settle();
    expect(road.last("trace").body).toEqual({ device: "matrix", since: 3 });
  });

  it("lines of another device are not mixed in", async () => {
    const { road, now } = begun();
    road.last("open").answer(opened);
    await settle();
    road.last("trace").answer({ device: "matrix", lines: [line(7)], missed: 0, read_at: {} });
    await settle();
    road.listener?.received("trace", { device: "camera", lines: [line(8)], missed: 0, read_at: {} });
    expect(now().trace.map((item) => item.number)).toEqual([7]);
  });

  it("says what the server refuses", async () => {
    const { road, now } = begun();
    road.last("open").answer({ ok: null, problem: problem("forbidden", "tidak boleh") });
    await settle();
    expect(now().live).toBe(false);
    expect(now().problem?.code).toBe("forbidden");
  });
});
