import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type Arriving, Pacer } from "./pace";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function arriving(from: number, count: number, step = 5, key = "pad.0"): Arriving {
  return { signatory: 0, attempt: 0, key, points: Array.from({ length: count }, (_, index) => [index, 0, from + index * step, 500]), ended: true };
}

function watched() {
  const drawn: Arriving[] = [];
  const pacer = new Pacer((piece) => drawn.push(piece));
  return { pacer, drawn, points: () => drawn.reduce((sum, piece) => sum + piece.points.length, 0) };
}

test("ink that comes in time passes in the same turn", () => {
  const { pacer, points } = watched();
  pacer.add([arriving(0, 4)]);
  expect(points()).toBe(4);
});

test("what five seconds held up is drawn within a second, whole, in its order, an end last", async () => {
  const { pacer, drawn, points } = watched();
  pacer.add([arriving(0, 1000)]);
  expect(points()).toBe(0);
  await vi.advanceTimersByTimeAsync(500);
  expect(points()).toBeGreaterThan(300);
  expect(points()).toBeLessThan(700);
  await vi.advanceTimersByTimeAsync(700);
  expect(drawn.flatMap((piece) => piece.points.map((point) => point[0]))).toEqual(Array.from({ length: 1000 }, (_, index) => index));
  expect(drawn.filter((piece) => piece.ended)).toHaveLength(1);
  expect(drawn[drawn.length - 1]?.ended).toBe(true);
});

test("what comes meanwhile waits its turn, and is caught up with", async () => {
  const { pacer, drawn, points } = watched();
  pacer.add([arriving(0, 200)]);
  for (let frame = 0; frame < 60; frame += 1) {
    pacer.add([arriving(1000 + frame * 16, 3, 5, "pad.1")]);
    await vi.advanceTimersByTimeAsync(16);
  }
  await vi.advanceTimersByTimeAsync(200);
  expect(points()).toBe(200 + 180);
  const keys = drawn.map((piece) => piece.key);
  expect(keys.lastIndexOf("pad.0")).toBeLessThan(keys.indexOf("pad.1"));
});

test("what is known otherwise is dropped", async () => {
  const { pacer, points } = watched();
  pacer.add([arriving(0, 400)]);
  pacer.drop();
  await vi.advanceTimersByTimeAsync(2000);
  expect(points()).toBe(0);
});
