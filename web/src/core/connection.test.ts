import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { ServerClock } from "./clock";
import { Connection, type Connected } from "./connection";
import { emptyRoom, patchTo, TestTransport } from "./testing";

const settle = (): Promise<void> => vi.advanceTimersByTimeAsync(0).then(() => undefined);

describe("connection", () => {
  let transport: TestTransport;
  let connection: Connection;
  let seen: Connected[];

  beforeEach(() => {
    vi.useFakeTimers();
    transport = new TestTransport();
    seen = [];
    connection = new Connection(transport, "r", "b1", (now) => seen.push(now), new ServerClock(() => Date.now() / 1000));
    connection.start();
  });
  afterEach(() => {
    connection.close();
    vi.useRealTimers();
  });

  async function live(version = 1): Promise<void> {
    transport.connect();
    transport.last("watch").answer({ protocol: 1, build: "b1", time: 1000, snapshot: emptyRoom({ version }), patches: [] });
    await settle();
  }

  test("says first who it is and from where it follows, and is live with the snapshot", async () => {
    await live();
    expect(transport.last("watch").body).toEqual({ room: "r", since: null, protocol: 1, build: "b1" });
    expect(connection.now.link).toBe("live");
    expect(connection.ready).toBe(true);
  });

  test("reckons the server's clock, not the tablet's", async () => {
    await live();
    expect(connection.clock.now()).toBeCloseTo(1000, 1);
  });

  test("after a break it asks for what came since, and takes the merged patch", async () => {
    await live(5);
    transport.drop();
    transport.connect();
    expect(transport.last("watch").body["since"]).toBe(5);
    transport.last("watch").answer({ protocol: 1, build: "b1", time: 1001, snapshot: null, patches: [{ ...patchTo(9, { path: ["timezone"], value: "A" }), since: 5 }] });
    await settle();
    expect(connection.now.state).toMatchObject({ version: 9, timezone: "A" });
  });

  test("a patch that overtakes its snapshot is kept for it", async () => {
    transport.connect();
    transport.listener?.received("patch", patchTo(2, { path: ["timezone"], value: "B" }));
    transport.last("watch").answer({ protocol: 1, build: "b1", time: 1000, snapshot: emptyRoom(), patches: [] });
    await settle();
    expect(connection.now.state?.timezone).toBe("B");
  });

  test("a gap in the numbers is asked for again", async () => {
    await live();
    transport.listener?.received("patch", patchTo(4, { path: ["timezone"], value: "C" }));
    expect(transport.asked.filter((item) => item.event === "watch")).toHaveLength(2);
    expect(connection.ready).toBe(false);
  });

  test("a silent server is noticed within 8 s, though the socket stays open", async () => {
    await live();
    await vi.advanceTimersByTimeAsync(8000);
    expect(connection.now.link).toBe("lost");
    expect(transport.renewed).toBe(1);
  });

  test("a server that answers the heartbeat stays live", async () => {
    await live();
    for (let beat = 0; beat < 5; beat += 1) {
      await vi.advanceTimersByTimeAsync(3000);
      transport.last("time").answer({ sent: 0, time: 1003 + beat * 3 });
      await settle();
    }
    expect(connection.now.link).toBe("live");
  });

  test("a roaming tablet's short break is no news, a longer one is", async () => {
    await live();
    transport.drop();
    await vi.advanceTimersByTimeAsync(600);
    expect(connection.now.link).toBe("live");
    expect(connection.ready).toBe(false);
    await vi.advanceTimersByTimeAsync(1000);
    expect(connection.now.link).toBe("lost");
    expect(connection.now.state).not.toBeNull();
  });

  test("a page that may not see the room says so and does not hammer", async () => {
    transport.connect();
    transport.last("watch").answer({ ok: null, problem: { code: "forbidden", text: { id: "Tidak diizinkan", en: "" }, detail: "" } });
    await settle();
    expect(connection.now.link).toBe("refused");
    expect(transport.renewed).toBe(0);
  });

  test("a refusal that passes by itself is tried again", async () => {
    transport.connect();
    transport.last("watch").answer({ ok: null, problem: { code: "rate_limited", text: { id: "", en: "" }, detail: "" } });
    await settle();
    expect(transport.renewed).toBe(1);
  });
});
