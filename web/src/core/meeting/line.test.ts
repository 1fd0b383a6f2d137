import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { Patch } from "../../protocol/messages";
import { ServerClock } from "../clock";
import { TestTransport } from "../testing";
import { act } from "./acts";
import { MeetingLine, type Standing, type Wish } from "./line";
import { crowd, meeting, seated } from "./testing";

const WISH: Wish = { meeting: "c", room: null, name: "A", agency: null, office: "", device: "laptop", listen_only: false, pin: null, room_code: null };

let transport: TestTransport;
let line: MeetingLine;
let told: Standing[];
let heard: string[];

beforeEach(() => {
  vi.useFakeTimers();
  transport = new TestTransport();
  told = [];
  heard = [];
  line = new MeetingLine(transport, "b", (now) => told.push(now), (event) => heard.push(event), new ServerClock(() => Date.now() / 1000));
  line.start();
});
afterEach(() => {
  line.close();
  vi.useRealTimers();
});

const settle = (): Promise<unknown> => vi.advanceTimersByTimeAsync(0);
const patch = (version: number, name = "m", since: number | null = null): Patch => ({ room: name, version, since, time: version, changes: [{ path: ["title"], value: `T${version}` }] });

async function sit(): Promise<void> {
  transport.connect();
  void line.join(WISH, null);
  transport.last("join").answer({ seated: seated(), waiting: null });
  await settle();
}

it("stands before the door until somebody wants in, then sits", async () => {
  transport.connect();
  expect(line.now.phase).toBe("door");
  void line.join(WISH, null);
  expect(line.now.phase).toBe("joining");
  expect(transport.last("join").body).toMatchObject({ name: "A", seat: null, meeting: "c" });
  transport.last("join").answer({ seated: seated(), waiting: null });
  await settle();
  expect(line.now).toMatchObject({ phase: "seated", live: true, me: "p01", seat: "s".repeat(22) });
});

it("waits in the lobby and keeps the seat it was given there", async () => {
  transport.connect();
  void line.join(WISH, null);
  transport.last("join").answer({ seated: null, waiting: { person: "p9", seat: "lobby-seat", since: 5 } });
  await settle();
  expect(line.now).toMatchObject({ phase: "lobby", waiting: 5 });
  transport.listener?.received("seated", seated({ seat: null }));
  expect(line.now).toMatchObject({ phase: "seated", seat: "lobby-seat" });
});

it("comes back over a new road as the same person", async () => {
  await sit();
  transport.drop();
  expect(line.now).toMatchObject({ phase: "seated", live: false });
  transport.connect();
  expect(transport.last("join").body["seat"]).toBe("s".repeat(22));
  transport.last("join").answer({ seated: seated({ resumed: true }), waiting: null });
  await settle();
  expect(line.now).toMatchObject({ phase: "seated", live: true, lost: null, resumed: true });
});

it("follows patches, also those that overtook the answer, and asks again when one is missing", async () => {
  transport.connect();
  void line.join(WISH, null);
  transport.listener?.received("patch", patch(2));
  transport.last("join").answer({ seated: seated(), waiting: null });
  await settle();
  expect(line.now.state?.title).toBe("T2");
  transport.listener?.received("patch", patch(3));
  transport.listener?.received("patch", patch(3, "somebody else"));
  expect(line.now.state?.version).toBe(3);
  const before = transport.asked.length;
  transport.listener?.received("patch", patch(9));
  expect(transport.asked.length).toBe(before + 1);
  expect(transport.last("join").body["seat"]).toBe("s".repeat(22));
});

it("tells why the door stayed closed, and stays before it", async () => {
  transport.connect();
  void line.join(WISH, null);
  transport.last("join").answer({ problem: { code: "unauthenticated", text: { id: "PIN salah", en: "" }, property: "pin" } });
  await settle();
  expect(line.now).toMatchObject({ phase: "door", problem: { property: "pin" } });
});

it("asks again by itself when the server was only too busy", async () => {
  transport.connect();
  void line.join(WISH, null);
  transport.last("join").answer({ problem: { code: "rate_limited", text: { id: "", en: "" }, property: null } });
  await vi.advanceTimersByTimeAsync(800);
  transport.last("join").answer({ seated: seated(), waiting: null });
  await settle();
  expect(line.now.phase).toBe("seated");
});

it("waits out a wrong PIN's pause instead of hammering", async () => {
  transport.connect();
  void line.join(WISH, null);
  transport.last("join").answer({ problem: { code: "rate_limited", text: { id: "", en: "" }, property: "pin" } });
  await vi.advanceTimersByTimeAsync(5000);
  expect(transport.asked.filter((one) => one.event === "join")).toHaveLength(1);
  expect(line.now).toMatchObject({ phase: "door", problem: { property: "pin" } });
});

it.each(["closed", "removed", "elsewhere"] as const)("ends when told so: %s; it does not come back by itself", async (why) => {
  await sit();
  transport.listener?.received("ended", { why, text: null, retry_after: null });
  expect(line.now).toMatchObject({ phase: "ended", ended: { why } });
  expect(heard).toContain("ended");
  const asked = transport.asked.length;
  transport.drop();
  transport.connect();
  expect(transport.asked.slice(asked).map((one) => one.event)).toEqual(["time"]);
  expect(line.now.phase).toBe("ended");
});

it("a server that starts anew is waited for", async () => {
  await sit();
  transport.listener?.received("ended", { why: "moved", text: null, retry_after: null });
  transport.drop();
  transport.connect();
  expect(transport.last("join").body["seat"]).toBe("s".repeat(22));
});

it("a meeting that ended meanwhile is over, not a closed door", async () => {
  await sit();
  transport.drop();
  transport.connect();
  transport.last("join").answer({ problem: { code: "expired", text: { id: "", en: "" }, property: null } });
  await settle();
  expect(line.now).toMatchObject({ phase: "ended", ended: { why: "closed" } });
});

it("notices a dead road within four seconds and takes another", async () => {
  await sit();
  transport.last("time").answer({ sent: 0, time: 100 });
  await vi.advanceTimersByTimeAsync(3400);
  expect(transport.renewed).toBe(0);
  await vi.advanceTimersByTimeAsync(200);
  expect(transport.renewed).toBe(1);
  expect(line.now.live).toBe(false);
});

it("takes another road sooner when no media comes either, not while it comes", async () => {
  for (const [flows, renewed] of [
    [true, 0],
    [false, 1],
  ] as const) {
    await sit();
    transport.last("time").answer({ sent: 0, time: 100 });
    let bytes = 7;
    line.media = () => Promise.resolve(flows ? (bytes += 1) : bytes);
    await vi.advanceTimersByTimeAsync(2400);
    expect(transport.renewed).toBe(renewed);
    transport.last("time").answer({ sent: 0, time: 102 });
    await settle();
    expect(line.now.silent).toBe(!flows);
  }
  transport.drop();
  transport.connect();
  transport.last("join").answer({ seated: seated({ resumed: true }), waiting: null });
  await settle();
  expect(line.now).toMatchObject({ live: true, silent: false });
});

it("hosts follow what stands behind the stage; who is host no more, does not", async () => {
  transport.connect();
  void line.join(WISH, null);
  transport.last("join").answer({ seated: seated({ role: "host" }), waiting: null });
  await settle();
  const backstage = { meeting: "m", version: 4, time: 0, lobby: {} };
  transport.last("follow").answer({ protocol: 1, build: "", time: 0, state: meeting(crowd(1)), backstage });
  await settle();
  transport.listener?.received("patch", { room: "m.host", version: 5, since: null, time: 5, changes: [{ path: ["lobby", "p7"], value: { id: "p7" } }] });
  expect(line.now.backstage?.lobby).toEqual({ p7: { id: "p7" } });
  transport.listener?.received("role", { role: "participant" });
  expect(line.now).toMatchObject({ role: "participant", backstage: null });
});

it("does a deed once, with an id and the server's time; without a line it is refused at once", async () => {
  await sit();
  const done = act(line, "hand", { up: true });
  expect(transport.last("hand").body).toMatchObject({ up: true, id: expect.stringMatching(/^[0-9a-f]{32}$/), at: expect.any(Number) });
  transport.last("hand").answer({ ok: true, problem: null });
  expect(await done).toBeNull();
  const refused = act(line, "end", {});
  transport.last("end").answer({ ok: false, problem: { code: "forbidden", text: { id: "Hanya untuk tuan rumah", en: "" } } });
  expect((await refused)?.code).toBe("forbidden");
  transport.drop();
  const asked = transport.asked.length;
  expect((await act(line, "hand", { up: false }))?.code).toBe("unreachable");
  expect(transport.asked.length).toBe(asked);
});
