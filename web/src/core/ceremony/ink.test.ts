import { describe, expect, test, vi } from "vitest";
import type { InkFlow, InkTaken } from "../../protocol/messages";
import { Hand, type Touch } from "./hand";
import { Ink } from "./ink";
import { Nib } from "./nib";
import { InkSender } from "./sender";

const field = { left: 100, top: 50, width: 500, height: 200 };

function touch(part: Partial<Touch>): Touch {
  return { pointerId: 1, pointerType: "pen", clientX: 350, clientY: 150, pressure: 0.5, tiltX: 0, tiltY: 0, timeStamp: 1000, button: 0, ...part };
}

function flow(seq: number, stroke: number, points: number[][], end: "" | "up" = "", attempt = 0): InkFlow {
  return { ceremony: "a", seq, signatory: 0, attempt, source: "pad", at: 0, pieces: [{ stroke, points, end }] };
}

describe("a hand", () => {
  test("gives points in the field's units, whatever its place and size on the glass", () => {
    expect(new Hand(0).down(touch({}), field)).toEqual([[5000, 2000, 1000, 500]]);
    expect(new Hand(0).down(touch({ clientX: 700, clientY: 300 }), { left: 200, top: 100, width: 1000, height: 400 })).toEqual([[5000, 2000, 1000, 500]]);
  });

  test("reads every coalesced event, or the event itself where there are none", () => {
    const hand = new Hand(0);
    hand.down(touch({}), field);
    const coalesced = [touch({ clientX: 351 }), touch({ clientX: 352 })];
    expect(hand.move(touch({ getCoalescedEvents: () => coalesced }), field)).toHaveLength(2);
    expect(hand.move(touch({ getCoalescedEvents: () => [] }), field)).toHaveLength(1);
    expect(hand.move(touch({}), field)).toHaveLength(1);
  });

  test("is one: a second finger, a palm after the pen, a touch at the edge draw nothing", () => {
    const hand = new Hand(0);
    expect(hand.down(touch({}), field)).not.toBeNull();
    expect(hand.down(touch({ pointerId: 2 }), field)).toBeNull();
    expect(hand.move(touch({ pointerId: 2 }), field)).toEqual([]);
    expect(hand.up(touch({ pointerId: 2 }))).toBe(false);
    expect(hand.up(touch({}))).toBe(true);
    expect(hand.down(touch({ pointerId: 3, pointerType: "touch" }), field)).toBeNull();
    expect(hand.down(touch({ clientX: 5 }), field)).toBeNull();
  });

  test("may be a finger, until a pen was seen", () => {
    const hand = new Hand(0);
    expect(hand.down(touch({ pointerType: "touch" }), field)).not.toBeNull();
    hand.up(touch({}));
    hand.down(touch({}), field);
    hand.up(touch({}));
    expect(hand.down(touch({ pointerType: "touch" }), field)).toBeNull();
  });

  test("follows the pen at once when a palm came down before it", () => {
    const hand = new Hand(0);
    expect(hand.down(touch({ pointerType: "touch" }), field)).not.toBeNull();
    expect(hand.down(touch({ pointerId: 2 }), field)).not.toBeNull();
    expect(hand.move(touch({ pointerType: "touch" }), field)).toEqual([]);
    expect(hand.move(touch({ pointerId: 2 }), field)).toHaveLength(1);
    expect(hand.up(touch({ pointerType: "touch" }))).toBe(false);
    expect(hand.down(touch({ pointerId: 3 }), field)).toBeNull();
    expect(hand.up(touch({ pointerId: 2 }))).toBe(true);
  });

  test("keeps what the browser took away, and never counts before the attempt began", () => {
    const hand = new Hand(5000);
    expect(hand.down(touch({ timeStamp: 4000 }), field)?.[0]?.[2]).toBe(0);
    expect(hand.up(touch({}))).toBe(true);
    expect(hand.drawing).toBe(false);
  });
});

describe("ink", () => {
  test("is the same however it is cut into batches", () => {
    const whole = new Ink();
    whole.take(flow(1, 0, [[1, 1, 0, 500], [2, 2, 1, 500], [3, 3, 2, 500]], "up"));
    const cut = new Ink();
    cut.take(flow(1, 0, [[1, 1, 0, 500]]));
    cut.take(flow(2, 0, [[2, 2, 1, 500], [3, 3, 2, 500]], "up"));
    expect([...(cut.sheets.get(0)?.strokes.values() ?? [])]).toEqual([...(whole.sheets.get(0)?.strokes.values() ?? [])]);
  });

  test("notices what is missing, ignores what it has, and goes on from what it asked for", () => {
    const ink = new Ink();
    expect(ink.take(flow(3, 0, [[1, 1, 0, 500]]))).toBe("gap");
    ink.load({ ceremony: "a", seq: 3, signatures: [{ signatory: 0, attempt: 0, began: 0, strokes: [{ source: "pad", stroke: 0, points: [[1, 1, 0, 500]], end: "" }] }] });
    expect(ink.take(flow(3, 0, [[1, 1, 0, 500]]))).toBe("old");
    expect(ink.take(flow(4, 0, [[2, 2, 1, 500]]))).toBe("taken");
    expect(ink.sheets.get(0)?.strokes.get("pad.0")?.points).toHaveLength(2);
  });

  test("begins with an empty sheet when it is begun anew, and tells who draws", () => {
    const ink = new Ink();
    const drawn = vi.fn();
    ink.watch(drawn);
    ink.take(flow(1, 0, [[1, 1, 0, 500]]));
    ink.take(flow(2, 0, [[5, 5, 0, 500]], "", 1));
    expect(ink.sheets.get(0)?.strokes.get("pad.0")?.points).toEqual([[5, 5, 0, 500]]);
    expect(drawn).toHaveBeenCalledWith(0, null, 0);
  });
});

describe("a nib", () => {
  test("draws each point once, thicker where pressed, and never swells at once", () => {
    const nib = new Nib(100);
    const widths = [0, 1000, 1000, 1000].flatMap((pressure, index) => nib.add([index * 50, 0, index, pressure])).map((piece) => piece.width);
    expect(widths[0]).toBe(35);
    expect(widths[1]).toBeCloseTo(57.75);
    expect([...widths].sort((a, b) => a - b)).toEqual(widths);
    expect(widths[3]).toBeLessThan(100);
    expect(nib.tail?.to).toEqual([150, 0]);
  });
});

describe("a sender", () => {
  function made() {
    const sent: { number: number; pieces: { points: number[][] }[] }[] = [];
    const road = { open: true, received: 0, refuse: 0, problem: null as InkTaken["problem"] };
    const sender = new InkSender(
      "pad",
      async (_event, body) => {
        const batch = body as (typeof sent)[number];
        sent.push(batch);
        if (!road.open) throw new Error("no road");
        if (road.refuse > 0) road.refuse -= 1;
        else if (batch.number === road.received + 1) road.received += 1;
        return { received: road.received, durable: 0, problem: road.problem };
      },
      () => road.open,
      () => 0,
      () => undefined,
    );
    sender.begin({ ceremony: "a", signatory: 0, attempt: 0 });
    return { sender, sent, road };
  }
  const settled = () => new Promise((resolve) => setTimeout(resolve, 60));

  test("numbers batches without a gap and keeps them until they are on the disk", async () => {
    const { sender, sent } = made();
    for (let index = 0; index < 3; index += 1) {
      sender.add(0, [[index, 0, index, 500]]);
      sender.flush(0);
    }
    await settled();
    expect(sent.map((batch) => batch.number)).toEqual([1, 2, 3]);
    expect(sender.kept).toMatchObject({ received: 3, durable: 0, points: 3 });
    sender.durable({ ceremony: "a", signatory: 0, attempt: 0, number: 2 });
    expect(sender.kept).toMatchObject({ durable: 2, points: 1 });
  });

  test("sends again what was not taken, from there, unchanged", async () => {
    const { sender, sent, road } = made();
    road.refuse = 2;
    sender.add(0, [[1, 1, 0, 500]]);
    sender.flush(0);
    sender.add(0, [[2, 2, 1, 500]], "up");
    sender.flush(0);
    await settled();
    await settled();
    expect(road.received).toBe(2);
    const first = sent.filter((batch) => batch.number === 1);
    expect(first.length).toBeGreaterThan(1);
    expect(new Set(first.map((batch) => JSON.stringify(batch))).size).toBe(1);
  });

  test("draws on without a road, and sends what gathered in few batches", async () => {
    const { sender, sent, road } = made();
    road.open = false;
    for (let index = 0; index < 1200; index += 1) {
      sender.add(0, [[index, 0, index, 500]]);
      sender.flush(0);
    }
    expect(sent).toEqual([]);
    expect(sender.kept.points).toBe(1200);
    road.open = true;
    sender.resume(0, 0);
    await settled();
    expect(sent.map((batch) => batch.pieces.reduce((sum, piece) => sum + piece.points.length, 0))).toEqual([512, 512, 176]);
    expect(road.received).toBe(3);
  });

  test("goes on after a break with what the server says it has", async () => {
    const { sender, sent, road } = made();
    for (let index = 0; index < 4; index += 1) {
      sender.add(0, [[index, 0, index, 500]]);
      sender.flush(0);
    }
    await settled();
    sent.length = 0;
    road.received = 2;
    sender.resume(2, 1);
    await settled();
    expect(sent.map((batch) => batch.number)).toEqual([3, 4]);
    expect(road.received).toBe(4);
  });

  test("stops at a refusal for good, and begins anew with the next attempt", async () => {
    const { sender, sent, road } = made();
    road.problem = { code: "superseded", text: { id: "", en: "" }, detail: "", fix: null, device: null, property: null };
    sender.add(0, [[1, 1, 0, 500]]);
    sender.flush(0);
    await settled();
    sender.add(0, [[2, 2, 0, 500]]);
    sender.flush(0);
    await settled();
    expect(sent).toHaveLength(1);
    expect(sender.kept.problem?.code).toBe("superseded");
    sender.begin({ ceremony: "a", signatory: 0, attempt: 1 });
    expect(sender.kept).toMatchObject({ problem: null, points: 0, received: 0 });
  });
});
