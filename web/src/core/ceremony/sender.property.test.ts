import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { InkBatch, InkTaken, Problem } from "../../protocol/messages";
import { InkSender, type Unsaved } from "./sender";
import { scribble, seeded } from "./testing";

const ATTEMPT = { ceremony: "a", signatory: 0, attempt: 0 };
const LIVES = 60;

/** The server's half, by the same rules as `strokes.py`: each batch counts once, in its order; what is not on its disk may be lost. */
class Server {
  batches: InkBatch[] = [];
  durable = 0;

  take(batch: InkBatch): void {
    if (batch.number === this.batches.length + 1) this.batches.push(batch);
  }

  sync(): void {
    this.durable = this.batches.length;
  }

  /** Its power went: it knows what was synced. */
  crash(): void {
    this.batches.length = this.durable;
  }

  strokes(): Map<number, { points: number[][]; end: string }> {
    const strokes = new Map<number, { points: number[][]; end: string }>();
    for (const piece of this.batches.flatMap((batch) => batch.pieces)) {
      const stroke = strokes.get(piece.stroke) ?? { points: [], end: "" };
      stroke.points.push(...piece.points);
      stroke.end = piece.end || stroke.end;
      strokes.set(piece.stroke, stroke);
    }
    return strokes;
  }
}

function problem(code: Problem["code"]): Problem {
  return { code, text: { id: "", en: "" }, detail: "", fix: null, device: null, property: null };
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe("whatever the road, the server and the page do", () => {
  test.each([["kept by one page", false], ["and the page is loaded anew in between", true]])("every point is on the disk once, in its order: %s", async (_, reloads) => {
    for (let seed = 1; seed <= LIVES; seed += 1) {
      const random = seeded(seed);
      const server = new Server();
      const drawn = new Map<number, number[][]>();
      let [road, open, calm] = [0, true, false];
      const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

      const ask = async (_event: string, body: unknown): Promise<InkTaken> => {
        const [mine, batch] = [road, structuredClone(body) as InkBatch];
        await wait(random() * 20);
        if (!open || mine !== road || (!calm && random() < 0.02)) throw new Error("lost on its way");
        const odds = random();
        if (odds < 0.03) return { problem: problem("rate_limited") } as InkTaken;
        if (odds < 0.06) return { received: server.batches.length, durable: server.durable, problem: problem("degraded") };
        if (odds > 0.1) server.take(batch);
        const answer = { received: server.batches.length, durable: server.durable, problem: null };
        await wait(random() * 20);
        if (!open || mine !== road || (!calm && random() < 0.02)) throw new Error("its answer was lost");
        return answer;
      };
      const made = (): InkSender => new InkSender("pad", ask, () => open, () => 0, () => undefined);
      const renew = (): void => {
        road += 1;
        open = true;
        sender.resume(server.batches.length, server.durable);
      };

      let sender = made();
      sender.begin(ATTEMPT);
      let t = 0;
      for (let stroke = 0; stroke < 5; stroke += 1) {
        const points = scribble(random, 5 + Math.floor(random() * 60), t);
        t += points.length * 4 + 200;
        let cut = false;
        for (let at = 0; at < points.length && !cut; ) {
          const some = points.slice(at, (at += 1 + Math.floor(random() * 8)));
          drawn.set(stroke, [...(drawn.get(stroke) ?? []), ...some]);
          sender.add(stroke, some, at >= points.length ? "up" : "");
          sender.flush(0);
          await vi.advanceTimersByTimeAsync(random() * 30);
          if (random() < 0.2) server.sync();
          const fate = random();
          if (fate < 0.02) [open, road] = [false, road + 1];
          else if (fate < 0.05) renew();
          else if (fate < 0.06) {
            server.crash();
            renew();
          } else if (reloads && fate < 0.09) {
            const left = JSON.parse(JSON.stringify(sender.unsaved())) as Unsaved | null;
            sender = made();
            if (left) sender.restore(left);
            else sender.begin(ATTEMPT);
            renew();
            cut = true;
          }
        }
      }
      calm = true;
      renew();
      for (let turn = 0; turn < 30 && sender.kept.points > 0; turn += 1) {
        await vi.advanceTimersByTimeAsync(1000);
        server.sync();
        sender.durable({ ...ATTEMPT, number: server.durable });
      }
      server.crash();
      expect({ seed, left: sender.kept.points }).toEqual({ seed, left: 0 });
      expect({ seed, drawn: [...server.strokes()].map(([key, stroke]) => [key, stroke.points]) }).toEqual({ seed, drawn: [...drawn] });
    }
  });

  test("five seconds without a road leave in few batches that the server takes, be they of one long stroke or of many dots", async () => {
    const sent: InkBatch[] = [];
    let open = false;
    const sender = new InkSender("pad", async (_, body) => (sent.push(body as InkBatch), { received: sent.length, durable: 0, problem: null }), () => open, () => 0, () => undefined);
    sender.begin(ATTEMPT);
    sender.add(0, scribble(seeded(1), 1200, 0), "up");
    for (let dot = 1; dot < 100; dot += 1) sender.add(dot, scribble(seeded(dot), 2, 6000), "up");
    open = true;
    sender.resume(0, 0);
    await vi.advanceTimersByTimeAsync(100);
    expect(sent.every((batch) => batch.pieces.length <= 40 && batch.pieces.reduce((sum, piece) => sum + piece.points.length, 0) <= 512)).toBe(true);
    expect(sent.flatMap((batch) => batch.pieces.flatMap((piece) => piece.points))).toHaveLength(1200 + 99 * 2);
  });
});

describe("a refusal", () => {
  function refusing(code: Problem["code"], times: number) {
    let left = times;
    const sent: number[] = [];
    const sender = new InkSender(
      "pad",
      async (_, body) => {
        const { number } = body as InkBatch;
        sent.push(number);
        if (left > 0) {
          left -= 1;
          return { received: 0, durable: 0, problem: problem(code) };
        }
        return { received: number, durable: number, problem: null };
      },
      () => true,
      () => 0,
      () => undefined,
    );
    sender.begin(ATTEMPT);
    sender.add(0, [[1, 1, 0, 500]]);
    sender.flush(0);
    return { sender, sent };
  }

  test("by a journal that cannot be written is told, asked again twice a second, and over by itself", async () => {
    const { sender, sent } = refusing("degraded", 3);
    await vi.advanceTimersByTimeAsync(100);
    expect([sender.kept.problem?.code, sender.kept.points]).toEqual(["degraded", 1]);
    await vi.advanceTimersByTimeAsync(2000);
    expect([sender.kept.problem, sender.kept.points, sent.length]).toEqual([null, 0, 4]);
  });

  test("by another pad that leads is for good, until this one leads anew", async () => {
    const { sender, sent } = refusing("superseded", 1);
    await vi.advanceTimersByTimeAsync(5000);
    expect([sender.kept.problem?.code, sent.length]).toEqual(["superseded", 1]);
    sender.allow();
    await vi.advanceTimersByTimeAsync(100);
    expect([sender.kept.problem, sender.kept.points]).toEqual([null, 0]);
  });
});
