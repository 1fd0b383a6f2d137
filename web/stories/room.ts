import type { DeviceState, Member, PropertyShape, PropertyState, RoomState, SceneState, Value } from "../src/protocol/messages";

const now = (): number => Date.now() / 1000;

function property(value: Value, age = 1): PropertyState {
  return { value, at: now() - age, source: "query", fresh: true, moved: null };
}

function shape(part: Partial<PropertyShape>): PropertyShape {
  return { label: { id: "", en: "" }, capability: "status", type: "text", choices: [], minimum: null, maximum: null, unit: "", settable: true, transitional: [], expected_ms: 50, ...part };
}

const word = (value: Value, id: string, en: string): PropertyShape["choices"][number] => ({ value, label: { id, en } });

const routes = [word(1, "Podium", "Podium"), word(2, "Kamera", "Camera"), word(3, "Laptop", "Laptop"), word(4, "Rapat", "Meeting"), word(0, "Kosong", "Nothing")];
const powers = [word("on", "Nyala", "On"), word("off", "Mati", "Off"), word("warming", "Pemanasan", "Warming up"), word("cooling", "Pendinginan", "Cooling down")];
const blanks = [word(true, "Gelap", "Blank"), word(false, "Tampil", "Shown")];

function device(id: string, name: [string, string], kind: DeviceState["kind"], family: string, part: Partial<DeviceState>): DeviceState {
  return { id, name: { id: name[0], en: name[1] }, kind, family, address: "tcp://10.20.0.11:23", simulated: true, link: "ready", link_since: now() - 900, problem: null, epoch: 1, shapes: {}, actions: [], presets: {}, properties: {}, ...part };
}

/** The projector of the stories. */
function projector(id: string, name: [string, string], part: Partial<DeviceState> = {}): DeviceState {
  return device(id, name, "projector", "pjlink", {
    address: "tcp://10.20.0.31:4352",
    shapes: {
      power: shape({ label: { id: "Daya", en: "Power" }, capability: "power", type: "choice", choices: powers, transitional: ["warming", "cooling"], expected_ms: 40_000 }),
      input: shape({ label: { id: "Masukan", en: "Input" }, capability: "input", type: "choice", choices: [word("hdmi1", "HDMI 1", "HDMI 1"), word("hdmi2", "HDMI 2", "HDMI 2")] }),
      blank: shape({ label: { id: "Gambar", en: "Picture" }, capability: "blank", type: "boolean", choices: blanks }),
      lamp_hours: shape({ label: { id: "Jam lampu", en: "Lamp hours" }, type: "integer", unit: "jam", settable: false }),
    },
    properties: { power: property("on"), input: property("hdmi1"), blank: property(false), lamp_hours: property(1240) },
    ...part,
  });
}

function camera(id: string, name: [string, string]): DeviceState {
  const presets = { seats: 1, leader: 2, podium: 3, left: 4 };
  const choices = [word(1, "Seluruh meja", "Whole table"), word(2, "Pimpinan", "Chair"), word(3, "Podium", "Podium"), word(4, "Meja kiri", "Left table")];
  return device(id, name, "camera", "visca", {
    address: "udp://10.20.0.21:52381",
    presets,
    actions: ["drive", "drive_zoom", "home", "store_preset"],
    shapes: { preset: shape({ label: { id: "Posisi", en: "Position" }, capability: "presets", type: "integer", choices }), zoom: shape({ label: { id: "Zum", en: "Zoom" }, capability: "zoom", type: "integer" }), position: shape({ label: { id: "Arah", en: "Direction" }, capability: "pan_tilt", type: "position" }) },
    properties: { preset: property(1), zoom: property(2048), position: property([120, -40]) },
  });
}

function scene(id: string, name: [string, string], order: number, part: Partial<SceneState> = {}): SceneState {
  return { id, name: { id: name[0], en: name[1] }, icon: id, order, danger: false, light: "idle", reached: 0, total: 0, since: null, by: "", run: null, drifted: [], problem: null, ...part };
}

function member(deviceId: string, name: string, goal: Value, label: string, state: Member["state"], part: Partial<Member> = {}): Member {
  return { device: deviceId, property: name, goal, label: { id: label, en: label }, state, value: null, problem: null, attempts: 1, ms: 320, until: null, before: null, restored: null, ...part };
}

/** Members a scene of the stories has. */
export function members(state: Member["state"]): Member[] {
  return [
    member("matrix", "route.1", 3, "Layar utama", state),
    member("matrix", "route.2", 2, "Layar kanan", state),
    member("projector", "power", "on", "Proyektor · daya", state, { ms: 32_000 }),
    member("projector", "input", "hdmi1", "Proyektor · masukan", state),
    member("cam-front", "preset", 3, "Kamera depan · posisi", state, { ms: 1800 }),
  ];
}

/** A run's members by `device.property`. */
export function keyed(list: Member[]): Record<string, Member> {
  return Object.fromEntries(list.map((item) => [`${item.device}.${item.property}`, item]));
}

/** A room as a town hall has it. `look` shows every state of a tile at once. */
export function storyRoom(look: "calm" | "states"): RoomState {
  const silent = { code: "timeout" as const, text: { id: "Alat tidak menjawab", en: "The device did not answer" }, detail: "no reply to %1POWR 1 within 5.0 s", fix: { id: "Periksa daya dan kabel alat", en: "Check the device's power and cable" }, device: "projector", property: "power" };
  const calm = [
    scene("rapat", ["Mode Rapat", "Meeting"], 1, { light: "active", reached: 5, total: 5, since: now() - 2300, by: "Tablet ruang" }),
    scene("presentasi", ["Mode Presentasi", "Presentation"], 2),
    scene("konferensi", ["Konferensi Video", "Video conference"], 3),
    scene("terima-tamu", ["Sambut Tamu", "Welcome guests"], 4),
    scene("peresmian", ["Peresmian", "Inauguration"], 5),
    scene("semua-mati", ["Matikan Semua", "All off"], 6, { danger: true }),
  ];
  const failed = members("verified").map((item) => (item.property === "power" ? { ...item, state: "failed" as const, problem: silent, ms: 5000 } : item));
  const running = members("verified").map((item, index) => (index === 2 ? { ...item, state: "waiting" as const, until: now() + 40 } : index > 2 ? { ...item, state: "sending" as const } : item));
  const run = (sceneId: string, list: Member[], result: "failed" | "partial" | "restored" | null): SceneState["run"] => ({ id: `run-${sceneId}`, scene: sceneId, by: "Sekda", started: now() - 4, ended: result ? now() : null, result, members: keyed(list), steps: [] });
  const back = failed.map((item) => ({ ...item, restored: item.property === "preset" ? ("irreversible" as const) : ("restored" as const) }));
  const states = [
    scene("rapat", ["Mode Rapat", "Meeting"], 1, { light: "active", reached: 7, total: 7, since: now() - 2300 }),
    scene("presentasi", ["Mode Presentasi", "Presentation"], 2),
    scene("konferensi", ["Konferensi Video", "Video conference"], 3, { light: "sending", reached: 2, total: 5, run: run("konferensi", running, null) }),
    scene("terima-tamu", ["Sambut Tamu", "Welcome guests"], 4, { light: "drifted", reached: 4, total: 5, drifted: [{ device: "matrix", property: "route.1", label: { id: "Layar utama", en: "Main screen" }, goal: 2 }] }),
    scene("peresmian", ["Peresmian", "Inauguration"], 5, { light: "failed", reached: 4, total: 5, run: run("peresmian", failed, "failed") }),
    scene("film", ["Putar Film", "Film"], 6, { light: "partial", reached: 4, total: 5, run: run("film", failed, "partial") }),
    scene("lights", ["Lampu Ruang", "Lights"], 7, { light: "offline" }),
    scene("pelantikan", ["Pelantikan", "Swearing-in"], 8, { light: "restored", total: 5, run: run("pelantikan", back, "restored") }),
    scene("semua-mati", ["Matikan Semua", "All off"], 9, { danger: true }),
  ];
  const list = look === "calm" ? calm : states;
  const devices = [
    device("matrix", ["Matrix switcher", "Matrix switcher"], "matrix", "extron_sis", {
      shapes: {
        "route.1": shape({ capability: "routing", type: "integer", choices: routes }),
        "route.2": shape({ capability: "routing", type: "integer", choices: routes }),
        "route.3": shape({ capability: "routing", type: "integer", choices: routes }),
        "mute.1": shape({ capability: "mute", type: "boolean" }),
        "volume.1": shape({ capability: "volume", type: "number", minimum: 0, maximum: 100, unit: "%" }),
        "blank.2": shape({ capability: "blank", type: "boolean", choices: blanks }),
      },
      properties: { "route.1": { ...property(4), moved: { cause: "device", at: now() - 200, by: "", scene: null, before: 2 } }, "route.2": property(2), "route.3": property(1), "mute.1": property(look === "states"), "volume.1": property(62), "blank.2": property(false) },
    }),
    camera("cam-front", ["Kamera depan", "Front camera"]),
    camera("cam-back", ["Kamera belakang", "Back camera"]),
    projector("projector", ["Proyektor", "Projector"], look === "states" ? { link: "offline", link_since: now() - 130, problem: silent } : {}),
    projector("projector-2", ["Proyektor 2", "Projector 2"], look === "states" ? { properties: { power: property("warming"), input: property("hdmi1"), blank: property(false), lamp_hours: property(87) } } : {}),
  ];
  return {
    room: "smart-room-centre",
    name: { id: "Ruang Pusat Kendali", en: "Smart room centre" },
    place: { id: "Setda Kota Uji · lantai 2", en: "Kota Uji secretariat · 2nd floor" },
    version: 1,
    time: now(),
    timezone: "WIB",
    simulated: true,
    devices: Object.fromEntries(devices.map((item) => [item.id, item])),
    sources: {
      laptop: { id: "laptop", name: { id: "Laptop", en: "Laptop" }, icon: "laptop", device: "matrix", input: 3 },
      rapat: { id: "rapat", name: { id: "Rapat", en: "Meeting" }, icon: "meeting", device: "matrix", input: 4 },
      camera: { id: "camera", name: { id: "Kamera", en: "Camera" }, icon: "camera", device: "matrix", input: 2 },
      podium: { id: "podium", name: { id: "Podium", en: "Podium" }, icon: "podium", device: "matrix", input: 1 },
    },
    outputs: {
      main: { id: "main", name: { id: "Layar utama", en: "Main screen" }, device: "matrix", output: 1, screen: look === "states" ? "projector" : "projector" },
      right: { id: "right", name: { id: "Layar kanan", en: "Right screen" }, device: "matrix", output: 2, screen: null },
      back: { id: "back", name: { id: "Proyektor 2", en: "Projector 2" }, device: "matrix", output: 3, screen: "projector-2" },
    },
    scenes: Object.fromEntries(list.map((item) => [item.id, item])),
    rundowns: {},
    cameras: ["cam-front", "cam-back"],
    volume: { device: "matrix", property: "volume.1" },
    mute: { device: "matrix", property: "mute.1" },
    last_action: { at: now() - 190, by: "Tablet ruang", text: { id: "Mode Rapat dijalankan", en: "Meeting run" }, run: null, device: null, property: null, value: null, ms: null },
    undo: { run: "run-rapat", label: { id: "Mode Rapat", en: "Meeting" }, at: now() - 190 },
    undoing: null,
    unfinished: null,
    meeting: null,
    planned: [],
    problem: null,
    rehearsal: null,
  };
}
