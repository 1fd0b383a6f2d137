import { describe, expect, it } from "vitest";
import { initials, inOrder } from "./order";
import { type Area, arrange, type Own, type Tile } from "./stage";
import { crowd, meeting, person } from "./testing";

const FOLLOW: Own = { layout: null, pin: null, page: 0 };
const LAPTOP: Area = { width: 920, height: 560, gap: 10, most: 9 };
const PHONE: Area = { width: 370, height: 560, gap: 8, most: 4 };
const AREAS: [string, Area][] = [
  ["laptop", LAPTOP],
  ["laptop without side", { width: 1252, height: 620, gap: 10, most: 9 }],
  ["phone", PHONE],
  ["phone lying", { width: 800, height: 230, gap: 8, most: 4 }],
];

function overlap(one: Tile, other: Tile): boolean {
  return one.x < other.x + other.width - 0.5 && other.x < one.x + one.width - 0.5 && one.y < other.y + other.height - 0.5 && other.y < one.y + one.height - 0.5;
}

describe("every arrangement", () => {
  for (const [name, area] of AREAS)
    for (const layout of ["grid", "speaker", "pair", "slides"] as const)
      for (const count of [1, 2, 3, 4, 6, 9, 25]) {
        it(`${name}, ${layout}, ${count} people: inside, apart, complete over its pages`, () => {
          const people = crowd(count);
          const state = meeting(people, { stage: { layout, spotlight: [], shown: ["p01"], screen: layout === "slides" && count > 1 ? "p02" : null } });
          const seen = new Map<string, number>();
          const { pages } = arrange(state, FOLLOW, "p03", area);
          for (let page = 0; page < pages; page += 1) {
            const { tiles } = arrange(state, { ...FOLLOW, page }, "p03", area);
            expect(tiles.filter((tile) => tile.person !== "p03").length).toBeLessThanOrEqual(Math.max(2, area.most));
            for (const tile of tiles) {
              expect(tile.x, tile.key).toBeGreaterThanOrEqual(-0.5);
              expect(tile.y, tile.key).toBeGreaterThanOrEqual(-0.5);
              expect(tile.x + tile.width, tile.key).toBeLessThanOrEqual(area.width + 0.5);
              expect(tile.y + tile.height, tile.key).toBeLessThanOrEqual(area.height + 0.5);
              expect(Math.min(tile.width, tile.height), tile.key).toBeGreaterThan(35);
              for (const other of tiles) if (other !== tile) expect(overlap(tile, other), `${tile.key} on ${other.key}`).toBe(false);
              seen.set(tile.key, (seen.get(tile.key) ?? 0) + 1);
            }
          }
          for (const one of people) expect(seen.has(`camera:${one.id}`), one.id).toBe(true);
        });
      }
});

describe("who stands where", () => {
  const people = crowd(4);
  const cases: [string, Parameters<typeof meeting>[1], Partial<Own>, string, string[], string[]][] = [
    ["grid keeps protocol order", {}, {}, "p02", [], ["p01", "p02", "p03", "p04"]],
    ["the speaker is large", { stage: { layout: "speaker", spotlight: [], shown: ["p03"], screen: null } }, {}, "p01", ["p03"], ["p01", "p02", "p04"]],
    ["nobody sees himself large while he speaks", { stage: { layout: "speaker", spotlight: [], shown: ["p03"], screen: null } }, {}, "p03", ["p01"], ["p02", "p03", "p04"]],
    ["unless the host put him there", { stage: { layout: "speaker", spotlight: ["p03"], shown: ["p03"], screen: null } }, {}, "p03", ["p03"], ["p01", "p02", "p04"]],
    ["two spotlit are both large", { stage: { layout: "speaker", spotlight: ["p02", "p04"], shown: ["p02", "p04"], screen: null } }, {}, "p01", ["p02", "p04"], ["p01", "p03"]],
    ["a pair", { stage: { layout: "pair", spotlight: [], shown: ["p02", "p04"], screen: null } }, {}, "p01", ["p02", "p04"], ["p01", "p03"]],
    ["own pin goes before the host", { stage: { layout: "speaker", spotlight: [], shown: ["p03"], screen: null } }, { pin: "p04" }, "p01", ["p04"], ["p01", "p02", "p03"]],
    ["a pinned person who left is forgotten", {}, { pin: "gone" }, "p01", [], ["p01", "p02", "p03", "p04"]],
    ["own layout goes before the host's", { stage: { layout: "grid", spotlight: [], shown: ["p03"], screen: null } }, { layout: "speaker" }, "p01", ["p03"], ["p01", "p02", "p04"]],
    ["slides, and the speaker first beside them", { stage: { layout: "slides", spotlight: [], shown: ["p03"], screen: "p02" } }, {}, "p01", ["screen:p02"], ["p03", "p01", "p02", "p04"]],
    ["a shared screen is large in the plain layout too", { stage: { layout: "grid", spotlight: [], shown: ["p01"], screen: "p02" } }, {}, "p04", ["screen:p02"], ["p01", "p02", "p03", "p04"]],
    ["slides without a screen fall back to the speaker", { stage: { layout: "slides", spotlight: [], shown: ["p02"], screen: null } }, {}, "p01", ["p02"], ["p01", "p03", "p04"]],
    ["a screen in the host's speaker layout stands first in the strip", { stage: { layout: "speaker", spotlight: [], shown: ["p03"], screen: "p02" } }, {}, "p01", ["p03"], ["screen:p02", "p01", "p02", "p04"]],
  ];
  it.each(cases)("%s", (_, state, own, me, large, small) => {
    const { tiles } = arrange(meeting(people, state), { ...FOLLOW, ...own }, me, LAPTOP);
    const name = (tile: Tile): string => (tile.source === "screen" ? tile.key : tile.person);
    expect(tiles.filter((tile) => tile.big).map(name)).toEqual(large);
    expect(tiles.filter((tile) => !tile.big).map(name)).toEqual(small);
  });

  it("stands in protocol order, then by arrival", () => {
    const people = [person("c", { rank: 2, joined: 1 }), person("a", { rank: 2, joined: 5 }), person("b", { rank: 0, joined: 9 })];
    expect(inOrder(meeting(people).people).map((one) => one.id)).toEqual(["b", "c", "a"]);
  });

  it("shows oneself on every page beside a large picture", () => {
    const state = meeting(crowd(25), { stage: { layout: "speaker", spotlight: [], shown: ["p01"], screen: null } });
    const { pages } = arrange(state, FOLLOW, "p20", LAPTOP);
    for (let page = 0; page < pages; page += 1) expect(arrange(state, { ...FOLLOW, page }, "p20", LAPTOP).tiles.map((tile) => tile.person)).toContain("p20");
  });

  it("never shows more pictures on a page than the device can receive", () => {
    const { tiles, pages } = arrange(meeting(crowd(25)), FOLLOW, "p01", LAPTOP);
    expect([tiles.length, pages]).toEqual([9, 3]);
    expect(arrange(meeting(crowd(25)), { ...FOLLOW, page: 99 }, "p01", LAPTOP).page).toBe(2);
  });
});

it.each([
  ["Kepala Bappeda", "Bappeda", "BA"],
  ["Dr. H. X, S.T., M.M.", "", "DH"],
  ["Camat A", "Camat A", "CA"],
  ["ß", "", "SS"],
  ["<b>", "", "<B"],
  ["", "", ""],
])("initials of %s of %s are %s", (name, agency_name, letters) => expect(initials({ name, agency_name })).toBe(letters));
