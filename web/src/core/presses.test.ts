import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { ServerClock } from "./clock";
import { Connection } from "./connection";
import { Presses } from "./presses";
import { LINK_BROKE, NO_ANSWER, NOT_CONNECTED } from "./problems";
import { emptyRoom, TestTransport } from "./testing";

describe("presses", () => {
  let transport: TestTransport;
  let connection: Connection;
  let presses: Presses;
  let pending: ReadonlySet<string>;

  beforeEach(async () => {
    vi.useFakeTimers();
    transport = new TestTransport();
    connection = new Connection(transport, "r", "", () => undefined, new ServerClock(() => Date.now() / 1000));
    pending = new Set();
    presses = new Presses(connection, "r", (now) => (pending = now));
    connection.start();
    transport.connect();
    transport.last("watch").answer({ protocol: 1, build: "", time: 5000, snapshot: emptyRoom(), patches: [] });
    await vi.advanceTimersByTimeAsync(0);
  });
  afterEach(() => {
    connection.close();
    vi.useRealTimers();
  });

  test("a press carries an id, the server's time and the room, and shows until it is answered", async () => {
    const outcome = presses.send("apply", { scene: "rapat" }, "scene:rapat");
    const { body, answer } = transport.last("apply");
    expect(body).toMatchObject({ room: "r", scene: "rapat" });
    expect(body["id"]).toMatch(/^[A-Za-z0-9-]{8,64}$/);
    expect(body["at"]).toBeCloseTo(5000, 0);
    expect(pending).toEqual(new Set(["scene:rapat"]));
    answer({ ok: { id: "x", run: "run-1", attached: false, value: null }, problem: null });
    expect(await outcome).toEqual({ ok: { id: "x", run: "run-1", attached: false, value: null } });
    expect(pending).toEqual(new Set());
  });

  test("without a link a press is refused at once and never sent later", async () => {
    transport.drop();
    expect(await presses.send("blank", { on: true }, "blank")).toEqual({ problem: NOT_CONNECTED });
    transport.connect();
    expect(transport.asked.some((item) => item.event === "blank")).toBe(false);
  });

  test("a press nobody takes within 5 s is not sent", async () => {
    const outcome = presses.send("apply", { scene: "rapat" }, "k");
    await vi.advanceTimersByTimeAsync(3000);
    transport.last("time").answer({ sent: 0, time: 5003 });
    await vi.advanceTimersByTimeAsync(2000);
    expect(await outcome).toEqual({ problem: NO_ANSWER });
  });

  test("a link that breaks before the answer leaves the truth to the room", async () => {
    const outcome = presses.send("set", { device: "d", property: "power", value: "on" }, "k");
    transport.drop();
    transport.last("set").fail();
    expect(await outcome).toEqual({ problem: LINK_BROKE });
  });

  test("a set may wait for its read-back longer than a press lives", async () => {
    const outcome = presses.send("set", { device: "d", property: "power", value: "on" }, "k");
    for (let second = 0; second < 40; second += 3) {
      await vi.advanceTimersByTimeAsync(3000);
      transport.last("time").answer({ sent: 0, time: 5000 + second });
    }
    expect(pending.has("k")).toBe(true);
    transport.last("set").answer({ ok: { id: "x", run: null, attached: false, value: "on" }, problem: null });
    expect(await outcome).toMatchObject({ ok: { value: "on" } });
  });

  test("two presses on one control show until both are answered", async () => {
    void presses.send("act", { device: "c", action: "home", arguments: {} }, "k");
    void presses.send("act", { device: "c", action: "home", arguments: {} }, "k");
    const [first, second] = transport.asked.filter((item) => item.event === "act");
    first?.answer({ ok: {}, problem: null });
    await vi.advanceTimersByTimeAsync(0);
    expect(pending.has("k")).toBe(true);
    second?.answer({ ok: {}, problem: null });
    await vi.advanceTimersByTimeAsync(0);
    expect(pending.has("k")).toBe(false);
  });
});
