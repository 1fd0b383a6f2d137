import { describe, expect, test } from "vitest";
import type { Light, Verdict } from "../../protocol/messages";
import { grouped, likeness, moment, sealState, signedAt, size, worst } from "./paper";

function verdict(lights: [Light, Light, Light], sha256 = "aa"): Verdict {
  const [intact, known, time] = lights.map((light) => ({ light, finding: "intact" as const, text: { id: "", en: "" } }));
  return { tell: "verdict", sha256, size: 1, pages: 2, judged_at: "2026-11-23T03:07:00Z", signatures: [], rehearsal: false, intact, known, time } as unknown as Verdict;
}

const GOOD = verdict(["green", "green", "green"]);

describe("a document's seal", () => {
  test.each([
    ["valid", GOOD, "active"],
    ["valid", verdict(["green", "amber", "amber"]), "active"],
    ["valid", verdict(["red", "green", "green"]), "failed"],
    ["valid", null, "active"],
    ["recorded", null, "partial"],
    ["later", GOOD, "partial"],
    ["draft", null, "idle"],
    ["void", GOOD, "failed"],
    ["rehearsal", GOOD, "rehearsal"],
  ] as const)("of a document that is %s looks by its state, and never greener than its worst line", (state, told, expected) => {
    expect(sealState(state, told)).toBe(expected);
  });

  test("is as good as its worst line", () => {
    expect(worst(verdict(["green", "amber", "green"]))).toBe("amber");
    expect(worst(verdict(["green", "amber", "red"]))).toBe("red");
  });
});

describe("somebody's copy", () => {
  test.each([
    ["is this file, byte for byte", verdict(["green", "green", "green"], "aa"), "aa", "same"],
    ["is unchanged and has other bytes: another version", verdict(["green", "green", "green"], "bb"), "aa", "other-version"],
    ["was changed", verdict(["red", "green", "green"], "bb"), "aa", "other"],
    ["has nothing to be compared with", GOOD, null, "nothing"],
  ] as const)("%s", (_, mine, kept, expected) => {
    expect(likeness(mine, kept)).toBe(expected);
  });
});

test("a time is the third party's where there is one, and says so", () => {
  const seen = { stamped_at: "2026-11-23T03:07:00Z", claimed_at: "2026-11-23T03:06:58Z" } as never;
  expect(signedAt(seen)).toEqual({ at: 1_795_403_220, vouched: true });
  expect(signedAt({ stamped_at: null, claimed_at: "2026-11-23T03:06:58Z" } as never)).toEqual({ at: 1_795_403_218, vouched: false });
  expect(signedAt({ stamped_at: null, claimed_at: null } as never)).toBeNull();
});

test("moments carry the letters of the zone they are shown in", () => {
  expect(moment(1_795_403_220, -420, "id")).toBe("23 November 2026 pukul 10.07 WIB");
  expect(moment(1_795_403_220, -480, "id")).toBe("23 November 2026 pukul 11.07 WITA");
  expect(moment(1_795_403_220, 0, "en")).toBe("23 November 2026, 03:07 UTC+0");
  expect(moment(1_795_403_220, 300, "en")).toBe("22 November 2026, 22:07 UTC−5");
});

test("sizes and digests are for eyes", () => {
  expect(size(94_200, "id")).toBe("94 kB");
  expect(size(1_240_000, "id")).toBe("1,2 MB");
  expect(grouped("0123456789abcdef01")).toEqual(["01234567", "89abcdef", "01"]);
});
