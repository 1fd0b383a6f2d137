import { describe, expect, test } from "vitest";
import type { Change, RoomState } from "../protocol/messages";
import { follow } from "./patch";
import { emptyRoom, patchTo } from "./testing";

const source = { id: "a", name: { id: "A", en: "" }, icon: "source", device: "m", input: 1 };

describe("patch", () => {
  test.each<[string, Change, Partial<RoomState>]>([
    ["sets a field", { path: ["timezone"], value: "WITA" }, { timezone: "WITA" }],
    ["empties a field with null", { path: ["last_action"], value: null }, { last_action: null }],
    ["adds a key", { path: ["sources", "b"], value: { ...source, id: "b" } }, { sources: { a: source, b: { ...source, id: "b" } } }],
    ["takes a key away with null", { path: ["sources", "a"], value: null }, { sources: {} }],
    ["reaches into a message", { path: ["sources", "a", "input"], value: 3 }, { sources: { a: { ...source, input: 3 } } }],
  ])("%s", (_, change, expected) => {
    const before = emptyRoom({ sources: { a: source }, last_action: { at: 1, by: "x", text: { id: "y", en: "" }, run: null, device: null, property: null, value: null, ms: null } });
    expect(follow(before.room, before, patchTo(2, change))).toMatchObject({ state: { version: 2, ...expected } });
    expect(before.sources).toEqual({ a: source });
  });

  test.each([
    ["the next version", 2, null, "state"],
    ["an old version", 1, null, "old"],
    ["a version too far", 3, null, "gap"],
    ["several merged from where we are", 9, 1, "state"],
    ["several merged from before where we are", 9, 0, "state"],
    ["several merged from beyond", 9, 4, "gap"],
  ])("%s", (_, version, since, expected) => {
    expect(Object.keys(follow(emptyRoom().room, emptyRoom(), { ...patchTo(version), since }))).toEqual([expected]);
  });

  test("what a patch does not touch keeps its identity", () => {
    const before = emptyRoom({ sources: { a: source } });
    const result = follow(before.room, before, patchTo(2, { path: ["timezone"], value: "x" }));
    expect("state" in result && result.state.sources).toBe(before.sources);
  });
});
