import { expect, test } from "vitest";
import type { Replay } from "../../protocol/messages";
import { Ink } from "./ink";
import { drawnBy, replayed, timelineOf } from "./replay";
import { scribble, seeded } from "./testing";

function inked(...strokes: number[][][]): Ink {
  const ink = new Ink();
  strokes.forEach((points, stroke) => void ink.take({ ceremony: "a", seq: stroke + 1, signatory: 0, attempt: 0, source: "pad", at: 0, pieces: [{ stroke, points, end: "up" }] }));
  return ink;
}

const times = (...all: number[]): number[][] => all.map((t) => [t, 0, t, 500]);
const replay = (part: Partial<Replay> = {}): Replay => ({ at: 100, speed: 1, signatory: null, ...part });

test("a pause of the hand is kept, a long one or a clock that was set is not", () => {
  expect(timelineOf(inked(times(5000, 5100), times(5300, 5400)).sheets.get(0)).parts.map((part) => part.from)).toEqual([0, 300]);
  expect(timelineOf(inked(times(0, 100), times(3_000_000, 3_000_100)).sheets.get(0)).ms).toBe(900);
  expect(timelineOf(inked(times(90_000, 90_100), times(20, 120)).sheets.get(0)).ms).toBe(200);
});

test("at every moment of a play each stroke shows a beginning of its points, more with time, all at the end", () => {
  for (let seed = 1; seed <= 50; seed += 1) {
    const random = seeded(seed);
    const ink = inked(...Array.from({ length: 4 }, (_, index) => scribble(random, 3 + Math.floor(random() * 40), random() * 9000 + index * 500)));
    const sheet = ink.sheets.get(0);
    const timeline = timelineOf(sheet);
    for (const stroke of sheet?.strokes.values() ?? []) {
      let before = 0;
      for (let ms = 0; ms <= timeline.ms + 40; ms += 40) {
        const now = drawnBy(timeline, stroke, ms);
        expect(now).toBeGreaterThanOrEqual(before);
        before = now;
      }
      expect(before).toBe(stroke.points.length);
    }
  }
});

test("runs at its speed, one signatory after the other, from one server time", () => {
  const ink = inked(times(1000, 2000));
  ink.take({ ceremony: "a", seq: 2, signatory: 1, attempt: 0, source: "pad", at: 0, pieces: [{ stroke: 0, points: times(0, 500), end: "up" }] });
  expect(replayed(replay(), ink, 2, 99)).toEqual({ signatory: 0, ms: 0, over: false });
  expect(replayed(replay(), ink, 2, 100.5)).toEqual({ signatory: 0, ms: 500, over: false });
  expect(replayed(replay({ speed: 2 }), ink, 2, 100.25)).toEqual({ signatory: 0, ms: 500, over: false });
  expect(replayed(replay(), ink, 2, 102.1).signatory).toBe(1);
  expect(replayed(replay({ signatory: 1 }), ink, 2, 100.1)).toEqual({ signatory: 1, ms: expect.closeTo(100) as number, over: false });
  expect(replayed(replay(), ink, 2, 110).over).toBe(true);
});
