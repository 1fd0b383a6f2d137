import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { LegalSignature, SigningTask } from "../../protocol/messages";
import type { Reply } from "../api";
import { NEXT, Signing } from "./signing";

const SECRETS = { signer: "wali.kota@kota-uji.example", passphrase: "rahasia", totp: null };
const LOST: Reply<never> = { status: 0, problem: null, retryAfterS: null };

function task(part: Partial<SigningTask> = {}): Reply<SigningTask> {
  return { ok: { state: "waiting", code: null, ...part } as SigningTask };
}

function answer(part: Partial<LegalSignature>): Reply<LegalSignature> {
  return { ok: { signatory: 0, name: "", sentence: "", at: null, state: "waiting", code: null, ...part } };
}

/** A phone before a server whose answers are given: what it asked, and how it stands. */
function phone(sign: Reply<LegalSignature>, ...looks: Reply<SigningTask>[]) {
  const asked: string[] = [];
  const signing = new Signing(
    "t",
    async (method, path) => {
      asked.push(`${method} ${path.slice("/api/v1/tte/t".length)}`);
      return (path.endsWith("/sign") ? sign : looks.length > 1 ? looks.shift() : looks[0]) as never;
    },
    () => undefined,
    10,
  );
  signing.start();
  return { signing, asked, signs: () => asked.filter((each) => each === "POST /sign").length };
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const pass = (ms = 0) => vi.advanceTimersByTimeAsync(ms);

describe("a phone that signs", () => {
  test("shows the task, sends once, and is done when the server says so", async () => {
    const { signing, signs } = phone(answer({ state: "valid" }), task());
    await pass();
    expect(signing.phase).toBe("form");
    await signing.sign(SECRETS);
    await signing.sign(SECRETS);
    expect([signing.phase, signs()]).toEqual(["done", 1]);
  });

  test("may try again after a certain refusal, and says why", async () => {
    const { signing } = phone(answer({ state: "later", code: "wrong_passphrase" }), task());
    await pass();
    await signing.sign(SECRETS);
    expect([signing.phase, signing.code, NEXT.wrong_passphrase]).toEqual(["form", "wrong_passphrase", "secret"]);
  });

  test("never sends again when nobody knows; a person's word opens the form, or it turns out to be signed", async () => {
    const unknown = task({ state: "later", code: "unknown_outcome" });
    const { signing, signs } = phone(answer({ state: "later", code: "unknown_outcome" }), task(), unknown, unknown, task());
    await pass();
    await signing.sign(SECRETS);
    expect(signing.phase).toBe("unknown");
    await signing.sign(SECRETS);
    await pass(15);
    expect(signing.phase).toBe("unknown");
    await pass(100);
    expect([signing.phase, signs()]).toEqual(["form", 1]);
  });

  test("asks what became of a lost answer instead of sending again", async () => {
    const { signing, signs } = phone(LOST, task(), task({ state: "running" }), task({ state: "running" }), task({ state: "valid" }));
    await pass();
    await signing.sign(SECRETS);
    expect(signing.phase).toBe("asking");
    await pass(15);
    expect(signing.phase).toBe("asking");
    await pass(100);
    expect([signing.phase, signs()]).toEqual(["done", 1]);
  });

  test("believes that nothing was sent only after several looks", async () => {
    const { signing, asked } = phone(LOST, task());
    await pass();
    await signing.sign(SECRETS);
    await pass(15);
    expect(signing.phase).toBe("asking");
    await pass(100);
    expect([signing.phase, signing.unsent]).toEqual(["form", true]);
    expect(asked.filter((each) => each === "GET ")).toHaveLength(4);
  });

  test("asks for nothing on a tablet of the stage", async () => {
    const { signing, asked } = phone(LOST, { status: 403, problem: { code: "forbidden" } as never, retryAfterS: null });
    await pass(100);
    expect([signing.phase, asked]).toEqual(["elsewhere", ["GET "]]);
  });

  test("says at once that its link has ended, and comes back by itself when the server does", async () => {
    const ended: Reply<SigningTask> = { status: 410, problem: { code: "expired" } as never, retryAfterS: null };
    const gone = phone(LOST, ended);
    await pass();
    expect(gone.signing.phase).toBe("ended");
    const away = phone(LOST, LOST, LOST, task());
    await pass();
    expect(away.signing.phase).toBe("away");
    await pass(100);
    expect(away.signing.phase).toBe("form");
  });
});

test("only an unknown outcome forbids another try", () => {
  expect(Object.entries(NEXT).filter(([, next]) => next === "never").map(([code]) => code)).toEqual(["unknown_outcome"]);
});
