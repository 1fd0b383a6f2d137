import { expect, test } from "vitest";
import type { Listener, Transport } from "../transport";
import { type Hosted, HostLine } from "./hosting";

/** A road that answers by hand. */
class Road implements Transport {
  listener: Listener | null = null;
  asked: string[] = [];
  renewed = 0;
  answers: Record<string, () => unknown> = { time: () => ({ sent: 0, time: 1000 }), follow: () => meeting(5) };
  open(listener: Listener): void {
    this.listener = listener;
  }
  close(): void {}
  renew(): void {
    this.renewed += 1;
  }
  ask(event: string): Promise<unknown> {
    this.asked.push(event);
    return Promise.resolve(this.answers[event]?.());
  }
}

function meeting(version: number): unknown {
  const id = "mabcdefghi";
  return { protocol: 1, build: "", time: 0, state: { meeting: id, version, people: {} }, backstage: { meeting: id, version, lobby: {} } };
}

const settled = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));
const patch = (room: string, version: number, path: string[], value: unknown): unknown => ({ room, version, since: version - 1, time: 0, changes: [{ path, value }] });

async function hosting(): Promise<[Road, () => Hosted, HostLine]> {
  const road = new Road();
  let now!: Hosted;
  const line = new HostLine(road, "hall", (next) => (now = next));
  line.start();
  road.listener?.opened();
  await settled();
  return [road, () => now, line];
}

test("follows both documents of the meeting, each by its own version", async () => {
  const [road, now, line] = await hosting();
  expect(now().live).toBe(true);
  road.listener?.received("patch", patch("mabcdefghi", 6, ["people", "p1"], { id: "p1" }));
  road.listener?.received("patch", patch("mabcdefghi.host", 6, ["lobby", "p2"], { id: "p2" }));
  expect([Object.keys(now().state?.people ?? {}), Object.keys(now().backstage?.lobby ?? {})]).toEqual([["p1"], ["p2"]]);
  line.close();
});

test("looks again after a gap, and when the meeting was handed over to the next", async () => {
  const [road, now, line] = await hosting();
  road.answers["follow"] = () => meeting(9);
  road.listener?.received("patch", patch("mabcdefghi", 8, ["item"], 1));
  await settled();
  expect(now().state?.version).toBe(9);
  road.answers["follow"] = () => ({ protocol: 1, build: "", time: 0, state: null, backstage: null });
  road.listener?.received("ended", { why: "closed" });
  expect(now().state).toBe(null);
  await settled();
  expect(road.asked.filter((event) => event === "follow").length).toBe(3);
  line.close();
});

test("without a road nothing is live, and a right that is missing is told", async () => {
  const [road, now, line] = await hosting();
  road.listener?.closed();
  expect(now().live).toBe(false);
  road.answers["follow"] = () => ({ ok: false, problem: { code: "forbidden" } });
  road.listener?.opened();
  await settled();
  expect(now().problem?.code).toBe("forbidden");
  line.close();
});
