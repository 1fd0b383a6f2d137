import { expect, test } from "vitest";
import { slug } from "./slug";

test.each([
  ["Rapat sore (aula)", "rapat-sore-aula"],
  ["  Peresmian: Wali Kota  ", "peresmian-wali-kota"],
  ["Café", "cafe"],
  ["!!!", ""],
  ["x".repeat(80), "x".repeat(64)],
])("%s", (name, expected) => expect(slug(name)).toBe(expected));
