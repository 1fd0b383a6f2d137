import { describe, expect, it } from "vitest";
import type { History, HistoryEntry } from "../protocol/messages";
import type { Reply } from "./api";
import { Pager, type Read } from "./pager";

const entry = (id: string): HistoryEntry => ({ id, at: 1, kind: "hand", by: "", text: { id, en: "" }, device: null, property: null, cause: null, before: null, value: null, ms: null, run: null, sent: [] });
const answer = (ids: string[], older: string | null): Reply<History> => ({ ok: { entries: ids.map(entry), older } });

describe("a history read page by page", () => {
  it("goes on where it ended, and begins anew with another question", async () => {
    const asked: Record<string, string>[] = [];
    const replies = [answer(["c", "b"], "b"), answer(["a"], null), answer(["x"], null)];
    let read: Read | null = null;
    const pager = new Pager({ history: (_, query) => (asked.push(query), Promise.resolve(replies.shift() ?? answer([], null))) }, "r", (now) => (read = now));
    await pager.ask({ kind: "run" });
    await pager.more();
    expect(read).toMatchObject({ entries: [{ id: "c" }, { id: "b" }, { id: "a" }], older: null, loading: false });
    await pager.more();
    await pager.ask({});
    expect(read).toMatchObject({ entries: [{ id: "x" }] });
    expect(asked).toEqual([{ kind: "run" }, { kind: "run", before: "b" }, {}]);
  });

  it("drops the answer to a question that was changed meanwhile, and keeps what it has when the server is gone", async () => {
    const waiting: ((reply: Reply<History>) => void)[] = [];
    const reads: Read[] = [];
    const pager = new Pager({ history: () => new Promise((resolve) => waiting.push(resolve)) }, "r", (now) => reads.push(now));
    const first = pager.ask({ kind: "run" });
    const second = pager.ask({ kind: "hand" });
    waiting[1]?.(answer(["h"], "h"));
    waiting[0]?.(answer(["r"], null));
    await Promise.all([first, second]);
    expect(reads.map((read) => read.entries.map((item) => item.id))).toEqual([["h"]]);
    const third = pager.more();
    waiting[2]?.({ status: 0, problem: null, retryAfterS: null });
    await third;
    expect(reads.at(-1)).toMatchObject({ entries: [{ id: "h" }], problem: { code: expect.any(String) } });
  });
});
