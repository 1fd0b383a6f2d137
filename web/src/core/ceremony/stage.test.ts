import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { CeremonyState, InkFlow, InkSoFar } from "../../protocol/messages";
import { ServerClock } from "../clock";
import { TestTransport } from "../testing";
import { Stage } from "./stage";

const settle = (ms = 0): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);

function state(attempt = 0): CeremonyState {
  const signatory = { turn: "signing", attempt, began: 1000 };
  return { room: "r", version: 1, time: 1000, ceremony: { id: "a", stage: "open", active: 0, signatories: [signatory] }, pads: {}, walls: 0 } as unknown as CeremonyState;
}

function flow(seq: number, x: number, attempt = 0): InkFlow {
  return { ceremony: "a", seq, signatory: 0, attempt, source: "pad", at: 0, pieces: [{ stroke: 0, points: [[x, 0, seq, 500]], end: "" }] };
}

function soFar(seq: number, xs: number[], attempt = 0): InkSoFar {
  const points = xs.map((x, index) => [x, 0, index, 500]);
  return { ceremony: "a", seq, signatures: [{ signatory: 0, attempt, began: 1000, strokes: [{ source: "pad", stroke: 0, points, end: "" }] }] };
}

describe("a wall", () => {
  let transport: TestTransport;
  let stage: Stage;
  /** Questions for ink, to be answered by the test. */
  let questions: { after: number; answer: (found: InkSoFar | null) => void }[];

  beforeEach(() => {
    vi.useFakeTimers();
    transport = new TestTransport();
    questions = [];
    stage = new Stage(
      transport,
      "r",
      "b",
      (_room, _ceremony, after) => new Promise((resolve) => questions.push({ after, answer: resolve })),
      { changed: () => undefined },
      new ServerClock(() => Date.now() / 1000),
    );
    stage.start();
  });
  afterEach(() => {
    stage.close();
    vi.useRealTimers();
  });

  async function join(attempt = 0): Promise<void> {
    transport.connect();
    transport.last("watch").answer({ protocol: 1, build: "b", time: 1000, snapshot: state(attempt), patches: [] });
    await settle();
  }

  async function answer(found: InkSoFar | null): Promise<void> {
    questions[questions.length - 1]?.answer(found);
    await settle();
  }

  const hear = (...flows: InkFlow[]): void => flows.forEach((each) => transport.listener?.received("ink", each));
  const drawn = (): number[] => (stage.ink.sheets.get(0)?.strokes.get("pad.0")?.points ?? []).map((point) => point[0] ?? -1);

  test("that joins late has all ink, then what flowed in while it asked, each once", async () => {
    await join();
    hear(flow(3, 3), flow(4, 4));
    await answer(soFar(3, [1, 2, 3]));
    hear(flow(5, 5));
    expect(drawn()).toEqual([1, 2, 3, 4, 5]);
  });

  test("that gets no answer asks again until it has one", async () => {
    await join();
    await answer(null);
    hear(flow(1, 1), flow(2, 2));
    expect(questions).toHaveLength(1);
    await settle(800);
    await answer(null);
    await settle(800);
    await answer(soFar(2, [1, 2]));
    expect([questions.length, drawn()]).toEqual([3, [1, 2]]);
  });

  test("that missed a batch asks for what it lacks", async () => {
    await join();
    await answer(soFar(0, []));
    hear(flow(1, 1), flow(3, 3));
    expect(questions[1]?.after).toBe(1);
    await answer(soFar(3, [1, 2, 3]));
    expect(drawn()).toEqual([1, 2, 3]);
  });

  test("shows what the server has, also when a power cut left it with less than it had shown", async () => {
    await join();
    await answer(soFar(0, []));
    hear(flow(1, 1), flow(2, 2), flow(3, 3));
    transport.drop();
    await join();
    await answer(soFar(1, [1]));
    await answer(soFar(1, [1]));
    expect([questions.map((each) => each.after), drawn()]).toEqual([[0, 3, 0], [1]]);
    hear(flow(2, 20));
    expect(drawn()).toEqual([1, 20]);
  });

  test.each([
    ["while another question is out", [soFar(2, [1, 2]), soFar(3, [1, 2, 3])]],
    ["though the server is silent at first", [soFar(2, [1, 2]), null, soFar(3, [1, 2, 3])]],
  ])("has the ink anew when it was told to, %s", async (_, answers) => {
    await join();
    let done = false;
    void stage.reload().then(() => (done = true));
    for (const found of answers) {
      await settle(800);
      expect(done).toBe(false);
      await answer(found);
    }
    expect([done, drawn(), questions[1]?.after]).toEqual([true, [1, 2, 3], 0]);
  });

  test("that was told to have it anew while nothing is on stage has the ink of what comes there", async () => {
    await stage.reload();
    await join();
    await answer(soFar(2, [1, 2]));
    hear(flow(3, 3));
    expect(drawn()).toEqual([1, 2, 3]);
  });

  test("is not handed back the ink of an attempt that was begun anew while it asked", async () => {
    await join(1);
    await answer(soFar(2, [1, 2], 0));
    expect(drawn()).toEqual([]);
    hear(flow(3, 9, 1));
    expect(drawn()).toEqual([9]);
  });
});
