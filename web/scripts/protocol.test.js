import { describe, expect, test } from "vitest";
import { readGenerated, readSchema, toTypeScript } from "./protocol.js";

describe("protocol types", () => {
  test("are what the server's messages generate: run `npm run protocol` when this fails", () => {
    expect(readGenerated()).toBe(toTypeScript(readSchema()));
  });

  test.each([
    ["an object", { type: "object", properties: { a: { type: "integer" } } }, "export interface X {\n  a: number;\n}"],
    ["words", { enum: ["a", "b"] }, 'export type X = "a" | "b";'],
    ["a list of a union", { type: "array", items: { anyOf: [{ type: "string" }, { type: "null" }] } }, "export type X = (string | null)[];"],
    ["a dictionary of messages", { type: "object", additionalProperties: { $ref: "#/$defs/Y" } }, "export type X = Record<string, Y>;"],
  ])("%s has its TypeScript form", (_, schema, expected) => {
    expect(toTypeScript({ $defs: { X: schema } })).toContain(expected);
  });
});
