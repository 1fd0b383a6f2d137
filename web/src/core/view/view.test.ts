import { describe, expect, test } from "vitest";
import { storyRoom } from "../../../stories/room";
import { messages } from "../../i18n";
import { en } from "../../i18n/en";
import { id } from "../../i18n/id";
import type { RoomState } from "../../protocol/messages";
import { deviceLine } from "./devices";
import { blankness, shownOn } from "./outputs";
import { signal } from "./signal";
import { leadingScene, type TileContext, tileOf } from "./tiles";
import { valueText } from "./values";

const room = storyRoom("states");
const now = Date.now() / 1000;
const calm: TileContext = { pressed: false, refused: false, cut: false, now, heard: now - 9, lang: "id", m: messages("id") };

function tile(scene: string, part: Partial<TileContext> = {}): [string, string, string] {
  const state = room.scenes[scene];
  if (!state) throw new Error(scene);
  const shown = tileOf(state, room, { ...calm, ...part });
  return [shown.state, shown.word, shown.note];
}

describe("a scene's tile", () => {
  test.each<[string, string, Partial<TileContext>, string, string, string | RegExp]>([
    ["idle", "presentasi", {}, "idle", "Siap", ""],
    ["pressed", "presentasi", { pressed: true }, "sending", "Mengirim", ""],
    ["refused", "presentasi", { refused: true }, "idle", "Siap", "tidak terkirim"],
    ["sending, with what is waited for", "konferensi", {}, "sending", "Mengirim · 2 dari 5", /^Proyektor: (39|40) dtk$/],
    ["active by read-back", "rapat", {}, "active", "Aktif · 7 dari 7", /^sejak \d\d\.\d\d$/],
    ["active and pressed again", "rapat", { pressed: true }, "sending", "Mengirim", ""],
    ["partly, with device and reason", "film", {}, "partial", "Sebagian · 4 dari 5", "Proyektor: Alat tidak menjawab"],
    ["failed, with device and reason", "peresmian", {}, "failed", "Gagal · Proyektor", "Alat tidak menjawab"],
    ["failed and put back, with device and reason", "pelantikan", {}, "restored", "Dipulihkan", "Proyektor: Alat tidak menjawab"],
    ["changed at the device", "terima-tamu", {}, "drifted", "Berubah di alat", /^Layar utama: di alat sendiri, \d\d\.\d\d$/],
    ["cut off: grey with its age", "rapat", { cut: true }, "offline", "Terputus · 9 dtk lalu", ""],
    ["cut off and pressed", "rapat", { cut: true, refused: true }, "offline", "Terputus · 9 dtk lalu", "tidak terkirim"],
  ])("%s", (_, scene, context, state, word, note) => {
    const [shownState, shownWord, shownNote] = tile(scene, context);
    expect([shownState, shownWord]).toEqual([state, word]);
    expect(shownNote).toMatch(note instanceof RegExp ? note : new RegExp(`^${note}$`));
  });

  test("a press never paints success: only the room's own light does", () => {
    for (const scene of Object.keys(room.scenes)) expect(tile(scene, { pressed: true })[0]).not.toBe("active");
  });

  test("the header leads with what sends, then with what failed", () => {
    expect(leadingScene(room)?.id).toBe("konferensi");
    expect(leadingScene(storyRoom("calm"))?.id).toBe("rapat");
  });
});

describe("devices and outputs", () => {
  const line = (device: string, changes = new Map<string, number>()): string[] => {
    const state = room.devices[device];
    if (!state) throw new Error(device);
    const { look, word, note } = deviceLine(state, changes, now, "id", id);
    return [look, word, note];
  };

  test.each([
    ["cam-front", ["active", "Seluruh meja", ""]],
    ["projector", ["offline", "Terputus · 2 mnt lalu", "Alat tidak menjawab"]],
    ["projector-2", ["sending", "pemanasan", ""]],
  ])("%s", (device, expected) => expect(line(device)).toEqual(expected));

  test("a warm-up that this page saw begin counts down", () => {
    expect(line("projector-2", new Map([["projector-2.power", now - 10]]))[1]).toBe("pemanasan 30 dtk");
  });

  test.each([
    ["main", "offline", "Rapat", "Terputus"],
    ["right", "active", "Kamera", ""],
    ["back", "sending", "Podium", "pemanasan"],
  ])("output %s", (output, look, word, screen) => {
    const state = room.outputs[output];
    if (!state) throw new Error(output);
    expect(shownOn(state, room, new Map(), now, "id", id)).toMatchObject({ look, word, screen });
  });

  test("a source without a signal says so, and so does the output that shows it; a device that is away tells nothing", () => {
    const state = storyRoom("calm");
    const [matrix, right] = [state.devices["matrix"], state.outputs["right"]];
    if (!matrix || !right) throw new Error("matrix");
    const dead = { ...matrix, properties: { ...matrix.properties, "signal.2": { value: false, at: now, source: "query" as const, fresh: true, moved: null } } };
    expect([signal(matrix, 2), signal(dead, 2), signal(dead, null), signal({ ...dead, link: "offline" }, 2)]).toEqual([null, false, null, null]);
    expect(shownOn(right, { ...state, devices: { ...state.devices, matrix: dead } }, new Map(), now, "id", id)).toMatchObject({ look: "idle", word: "Kamera", screen: "Tanpa sinyal" });
  });

  test("blank counts every output, wherever its picture is hidden", () => {
    const calmRoom = storyRoom("calm");
    const hide = (state: RoomState, device: string, property: string): RoomState => {
      const found = state.devices[device];
      if (!found) throw new Error(device);
      const properties = { ...found.properties, [property]: { value: true, at: now, source: "query" as const, fresh: true, moved: null } };
      return { ...state, devices: { ...state.devices, [device]: { ...found, properties } } };
    };
    const some = hide(calmRoom, "projector", "blank");
    expect([blankness(calmRoom), blankness(some), blankness(hide(hide(some, "matrix", "blank.2"), "projector-2", "blank"))]).toEqual(["none", "some", "all"]);
  });

  test("values speak the room's words, else their own", () => {
    expect(valueText(room.devices["matrix"], "route.1", 3, "en")).toBe("Laptop");
    expect(valueText(room.devices["projector"], "lamp_hours", 1240, "id")).toBe("1240 jam");
  });
});

describe("words", () => {
  test("both languages say the same things", () => expect(Object.keys(en)).toEqual(Object.keys(id)));
});
