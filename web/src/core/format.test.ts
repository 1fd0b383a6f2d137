import { describe, expect, test } from "vitest";
import { age, clock, countdown, duration, percent, pick, plainValue } from "./format";

describe("format", () => {
  test.each([
    [0, "0 dtk", "0 s"],
    [0.3, "0,3 dtk", "0.3 s"],
    [3, "3 dtk", "3 s"],
    [9.7, "9,7 dtk", "9.7 s"],
    [42.4, "42 dtk", "42 s"],
    [59.6, "1 mnt", "1 min"],
    [130, "2 mnt", "2 min"],
    [7300, "2 jam", "2 h"],
    [200_000, "2 hari", "2 d"],
    [-4, "0 dtk", "0 s"],
  ])("%d seconds", (seconds, id, en) => {
    expect([duration(seconds, "id"), duration(seconds, "en")]).toEqual([id, en]);
  });

  test.each([
    ["WIB", "id", "09.41"],
    ["WIT", "id", "11.41"],
    ["WIB", "en", "09:41"],
  ] as const)("the clock of %s in %s", (zone, lang, expected) => {
    expect(clock(Date.UTC(2026, 10, 23, 2, 41) / 1000, zone, lang)).toBe(expected);
  });

  test("an age has whole units", () => expect(age(100, 102.6, "id")).toBe("3 dtk"));
  test("a count-down never goes below zero", () => expect([countdown(10.2, 7), countdown(3, 7)]).toEqual([4, 0]));
  test("a percentage has a space in Indonesian", () => expect([percent(61.6, "id"), percent(61.6, "en")]).toEqual(["62 %", "62%"]));
  test("a text without English stays Indonesian", () => expect(pick({ id: "Rapat", en: "" }, "en")).toBe("Rapat"));
  test.each([
    [null, "–"],
    [[120, -40], "120 / -40"],
    [1240, "1240 jam"],
    [0.5, "0,5 jam"],
    ["hdmi1", "hdmi1"],
  ] as const)("the value %j", (value, expected) => {
    expect(plainValue(value as never, "jam", "id")).toBe(expected);
  });
});
