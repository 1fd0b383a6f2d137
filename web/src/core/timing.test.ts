import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { ServerClock } from "./clock";
import { Drive } from "./drive";
import { wayOf } from "./entrance";
import { IDLE_MS, shouldReload } from "./freshness";
import { Latest } from "./latest";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** Writes that end when the test says so. */
function slow<T>(): { write: (value: T) => Promise<void>; written: T[]; end: () => Promise<void> } {
  const written: T[] = [];
  let finish: () => void = () => undefined;
  return {
    written,
    write: (value) => {
      written.push(value);
      return new Promise((resolve) => (finish = resolve));
    },
    end: async () => {
      finish();
      await vi.advanceTimersByTimeAsync(0);
    },
  };
}

describe("slider writes", () => {
  test("one in flight, and of what comes meanwhile only the newest", async () => {
    const road = slow<number>();
    const latest = new Latest(road.write);
    for (const value of [10, 20, 30, 40]) latest.push(value);
    expect(road.written).toEqual([10]);
    await road.end();
    expect(road.written).toEqual([10, 40]);
    await road.end();
    expect(latest.busy).toBe(false);
  });
});

describe("driving a camera", () => {
  test("a held direction is renewed before the dead man's switch, and stopped on release", async () => {
    const orders: (string | null)[] = [];
    const drive = new Drive<string>(async (movement) => void orders.push(movement));
    drive.hold("left");
    await vi.advanceTimersByTimeAsync(950);
    expect(orders).toEqual(["left", "left", "left", "left"]);
    drive.release();
    await vi.advanceTimersByTimeAsync(2000);
    expect(orders.slice(4)).toEqual([null]);
  });

  test("never two orders on the road: the stop follows the one that is still out", async () => {
    const road = slow<string | null>();
    const drive = new Drive<string>(road.write);
    drive.hold("up");
    await vi.advanceTimersByTimeAsync(900);
    drive.release();
    expect(road.written).toEqual(["up"]);
    await road.end();
    expect(road.written).toEqual(["up", null]);
  });

  test("a release without a movement sends nothing", async () => {
    const orders: unknown[] = [];
    new Drive<string>(async (movement) => void orders.push(movement)).release();
    await vi.advanceTimersByTimeAsync(1000);
    expect(orders).toEqual([]);
  });
});

describe("server clock", () => {
  test("trusts the exchange with the shortest round trip", () => {
    let now = 0;
    const reckoned = new ServerClock(() => now);
    now = 4;
    reckoned.learn(0, 1000);
    const sent = now;
    now = 4.2;
    reckoned.learn(sent, 1004.1);
    expect(reckoned.now()).toBeCloseTo(1004.2, 3);
    expect(reckoned.roundTripMs).toBeCloseTo(200, 3);
  });

  test("follows a clock that was set at once, by an hour or by a fifth of a second, and no road that only jitters", () => {
    let now = 0;
    const reckoned = new ServerClock(() => now);
    const exchange = (server: number, roundTrip: number): void => {
      const sent = now;
      now += roundTrip;
      reckoned.learn(sent, server + sent + roundTrip / 2);
    };
    exchange(1000, 0.01);
    exchange(1000.02, 0.2);
    expect(reckoned.now() - now).toBeCloseTo(1000);
    exchange(4600, 0.05);
    expect(reckoned.now() - now).toBeCloseTo(4600);
    exchange(4600.2, 0.02);
    expect(reckoned.now() - now).toBeCloseTo(4600.2);
  });
});

describe("a stale page", () => {
  const stale = { ownBuild: "a", serverBuild: "b", reloadedFor: null, untouchedMs: IDLE_MS, busy: false };
  test.each([
    ["reloads when idle", {}, true],
    ["waits while somebody uses it", { untouchedMs: 1000 }, false],
    ["waits while a sheet is open or a press is out", { busy: true }, false],
    ["reloads once per build", { reloadedFor: "b" }, false],
    ["stays when it is current", { serverBuild: "a" }, false],
    ["stays when the server does not say", { serverBuild: "" }, false],
  ])("%s", (_, part, expected) => {
    expect(shouldReload({ ...stale, ...part })).toBe(expected);
  });
});

describe("the way in", () => {
  test.each([
    ["/login", "", { kind: "login", next: "/" }],
    ["/login", "?next=/panel/a", { kind: "login", next: "/panel/a" }],
    ["/login", "?next=//evil.example/", { kind: "login", next: "/" }],
    ["/login", "?next=/%5Cevil.example", { kind: "login", next: "/" }],
    ["/login", "?next=https://evil.example", { kind: "login", next: "/" }],
    ["/setup", "", { kind: "setup" }],
    ["/pair/abc-1", "", { kind: "pair", code: "abc-1" }],
  ])("%s%s", (path, query, expected) => {
    expect(wayOf(path, query)).toEqual(expected);
  });
});
