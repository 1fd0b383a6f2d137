import { describe, expect, it, vi } from "vitest";
import type { Agency, ChatLine } from "../../protocol/messages";
import * as chats from "./chat";
import { changes, type Device, find, following, instead, named, NONE } from "./devices";
import { askAgainMs, codeOf, matching, split, standingOf } from "./door";
import { LAVISH, thriftOf, tune, withSilence } from "./encodings";
import { count, judge, measured, NO_COUNTERS } from "./linkcheck";
import { before, placeOf } from "./order";
import type { Memory } from "./ports";
import { Seats } from "./seat";
import { EMPTY, settle, slotOf } from "./slots";
import { cure, surroundings, troubleOf } from "./trouble";
import { Uplink } from "./uplink";
import { Viewer, wishOf } from "./view";
import { hears, loudness, SpeaksMuted } from "./voice";
import { crowd, meeting } from "./testing";

describe("the door", () => {
  const code = "AbCdEfGhIjKlMnOpQrStUv";
  it.each([
    [`/meet/${code}`, code],
    [`/meet/${code}/`, code],
    ["/meet/short", null],
    [`/meet/${code}x`, null],
    ["/", null],
  ])("%s names %s", (path, found) => expect(codeOf(path)).toBe(found));

  it.each([
    ["planned", false, "planned"],
    ["open", false, "open"],
    ["open", true, "locked"],
    ["ended", true, "ended"],
  ] as const)("%s, locked %s: %s", (phase, locked, found) => expect(standingOf({ phase, locked })).toBe(found));

  it("asks more often the nearer the start", () => expect([7200, 600, 30, -5].map(askAgainMs)).toEqual([60_000, 15_000, 3000, 3000]));

  it.each([
    [0, { days: 0, hours: 0, minutes: 0, seconds: 0 }],
    [-4, { days: 0, hours: 0, minutes: 0, seconds: 0 }],
    [59.2, { days: 0, hours: 0, minutes: 1, seconds: 0 }],
    [90_061, { days: 1, hours: 1, minutes: 1, seconds: 1 }],
  ])("%s seconds", (seconds, parts) => expect(split(seconds)).toEqual(parts));

  const agencies = [
    ["dishub", "Dishub", "Dinas Perhubungan", 3],
    ["pupr", "PUPR", "Dinas Pekerjaan Umum dan Penataan Ruang", 2],
    ["setda", "Setda", "Sekretariat Daerah", 0],
    ["rsud", "RSUD", "Rumah Sakit Umum Daerah", 9],
  ].map(([id, short, name, rank]) => ({ id, short, name, rank, group: "opd" }) as Agency);
  it.each([
    ["", ["setda", "pupr", "dishub", "rsud"]],
    ["dinas", ["pupr", "dishub"]],
    ["umum", ["pupr", "rsud"]],
    ["peker umum", ["pupr"]],
    ["hubung", ["dishub"]],
    ["DÁERAH", ["setda", "rsud"]],
    ["xyz", []],
  ])("typed %j finds %j", (typed, ids) => expect(matching(agencies, typed).map((agency) => agency.id)).toEqual(ids));
});

describe("seats", () => {
  const memory = (): Memory => {
    const kept = new Map<string, string>();
    return { get: (key) => kept.get(key) ?? null, set: (key, value) => void kept.set(key, value), drop: (key) => void kept.delete(key), keys: () => [...kept.keys()] };
  };
  const seat = { secret: "geheim", name: "A", agency: null, office: "" };

  it("come back after a reload, and in another tab, for two hours", () => {
    let now = 0;
    const browser = memory();
    const tab = new Seats(memory(), browser, () => now);
    const other = new Seats(memory(), browser, () => now);
    tab.keep("c", seat);
    expect([tab.own("c")?.secret, other.own("c"), other.last("c")?.secret]).toEqual(["geheim", null, "geheim"]);
    now = 7199;
    expect(tab.own("c")?.secret).toBe("geheim");
    now = 7201;
    other.tidy();
    expect([tab.own("c"), browser.keys()]).toEqual([null, []]);
  });

  it("given up by one tab leave the newer seat of another alone", () => {
    const browser = memory();
    const [one, other] = [new Seats(memory(), browser), new Seats(memory(), browser)];
    one.keep("c", seat);
    other.keep("c", { ...seat, secret: "neu" });
    one.drop("c");
    expect(other.last("c")?.secret).toBe("neu");
    other.drop("c");
    expect(other.last("c")).toBeNull();
  });

  it("survive somebody else's words in the storage", () => {
    const tab = memory();
    tab.set("smartroom.seat.c", "{broken");
    expect(new Seats(tab, memory()).own("c")).toBeNull();
    expect(tab.keys()).toEqual([]);
  });
});

describe("devices", () => {
  const mic = (id: string, label: string): Device => ({ id, kind: "audioinput", label });
  const built = mic("1", "Built-in");
  const headset = mic("2", "Headset");
  it("lists each device once, without the browser's doubles", () => expect(named([mic("default", "Default"), built, mic("communications", "X"), built, mic("", "")], "audioinput")).toEqual([built]));
  it("finds a device again by its name when its id has changed", () => expect(find([built, mic("9", "Headset")], "audioinput", { id: "2", label: "Headset" })?.id).toBe("9"));
  it.each([
    ["pulled while in use", [built, headset], [built], { id: "2", label: "Headset" }, [{ what: "gone", kind: "audioinput", label: "Headset", used: true }]],
    ["pulled while in use as the default", [built, headset], [built], { id: "default", label: "Default - Headset" }, [{ what: "gone", kind: "audioinput", label: "Headset", used: true }]],
    ["pulled while another is in use", [built, headset], [built], { id: "1", label: "Built-in" }, [{ what: "gone", kind: "audioinput", label: "Headset", used: false }]],
    ["plugged in", [built], [built, headset], { id: "1", label: "Built-in" }, [{ what: "came", kind: "audioinput", label: "Headset", used: false }]],
    ["named only now, after permission", [mic("", "")], [built, headset], NONE, []],
    ["nothing", [built], [built], NONE, []],
  ] as const)("%s", (_, before, after, using, news) => expect(changes(before, after, { audioinput: using })).toEqual(news));
  it("opens the remembered device, else the first, else nothing", () => {
    expect(instead([built, headset], "audioinput", { id: "2", label: "" })).toBe(headset);
    expect(following([built], "audioinput", { id: "2", label: "Headset" }, NONE)).toBe(built);
    expect(following([], "audioinput", { id: "2", label: "Headset" }, NONE)).toBe("none");
    expect(following([built], "audioinput", { id: "1", label: "" }, NONE)).toBe("stay");
    expect(following([built], "audioinput", null, NONE)).toBe("stay");
  });
});

describe("troubles and their cures", () => {
  const agents = {
    chrome: "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36",
    edge: "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0",
    firefox: "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    android: "Mozilla/5.0 (Linux; Android 13; SM-A125F) AppleWebKit/537.36 Chrome/140.0 Mobile Safari/537.36",
    samsung: "Mozilla/5.0 (Linux; Android 13; SM-A125F) AppleWebKit/537.36 SamsungBrowser/25.0 Chrome/121.0 Mobile Safari/537.36",
    iphone: "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 Version/17.5 Mobile/15E148 Safari/604.1",
    whatsapp: "Mozilla/5.0 (Linux; Android 12; wv) AppleWebKit/537.36 Version/4.0 Chrome/140.0 Mobile Safari/537.36; wv) WhatsApp/2.24",
    mac: "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/17.5 Safari/605.1.15",
  };
  it.each([
    ["chrome", 0, "chrome", "windows"],
    ["edge", 0, "edge", "windows"],
    ["firefox", 0, "firefox", "linux"],
    ["android", 5, "chrome", "android"],
    ["samsung", 5, "samsung", "android"],
    ["iphone", 5, "safari", "ios"],
    ["whatsapp", 5, "webview", "android"],
    ["mac", 0, "safari", "mac"],
    ["mac", 5, "safari", "ios"],
  ] as const)("%s with %i fingers is %s on %s", (agent, touch, browser, system) => expect(surroundings(agents[agent], true, touch)).toEqual({ browser, system, secure: true }));

  it.each([
    ["NotAllowedError", "Permission denied", true, "refused"],
    ["NotAllowedError", "Permission dismissed", true, "dismissed"],
    ["NotAllowedError", "Permission denied by system", true, "system"],
    ["NotReadableError", "Could not start video source", true, "busy"],
    ["NotFoundError", "", true, "missing"],
    ["OverconstrainedError", "", true, "missing"],
    ["TypeError", "", true, "unsupported"],
    ["Whatever", "", true, "unknown"],
    ["TypeError", "", false, "insecure"],
  ] as const)("%s %j, secure %s: %s", (name, message, secure, found) => expect(troubleOf({ name, message }, secure)).toBe(found));

  it("names where to tap in every browser, and always ends with joining without", () => {
    const first = (agent: keyof typeof agents, touch = 0): string | undefined => cure("refused", surroundings(agents[agent], true, touch))[0];
    expect([first("chrome"), first("firefox"), first("iphone", 5), first("mac"), first("samsung", 5), first("whatsapp", 5)]).toEqual(["tuneIcon", "permissionsIcon", "aaMenu", "settingsSafari", "lock", "openBrowser"]);
    for (const trouble of ["insecure", "unsupported", "refused", "dismissed", "system", "busy", "missing", "unknown"] as const)
      for (const agent of Object.values(agents)) {
        const steps = cure(trouble, surroundings(agent, true));
        expect(steps.length).toBeGreaterThan(1);
        expect(steps[steps.length - 1]).toBe("without");
      }
  });
});

describe("voices", () => {
  it("hears silence as nothing and a voice as much", () => {
    const tone = (amplitude: number): Float32Array => Float32Array.from({ length: 512 }, (_, index) => amplitude * Math.sin(index / 3));
    expect(loudness(tone(0))).toBe(0);
    expect(loudness(tone(0.003))).toBeLessThan(0.3);
    expect(loudness(tone(0.2))).toBeGreaterThan(0.7);
    expect([hears([0, 0.001]), hears([0.1, 0.2]), hears([0, 0.6])]).toEqual(["nothing", "quiet", "good"]);
  });

  it("says `you are muted` for speech, not for a cough, once, and not while the microphone is open", () => {
    const run = (pattern: (at: number) => [number, boolean], until = 8000): number[] => {
      const ear = new SpeaksMuted();
      const told: number[] = [];
      for (let at = 0; at < until; at += 80) {
        const [level, muted] = pattern(at);
        if (ear.hear(level, muted, at)) told.push(at);
      }
      return told;
    };
    expect(run((at) => [at < 200 ? 0.8 : 0.05, true])).toEqual([]);
    expect(run(() => [0.8, false])).toEqual([]);
    expect(run(() => [0.8, true])).toHaveLength(1);
    expect(run((at) => [at % 4000 < 400 ? 0.8 : 0.05, true])).toEqual([]);
    expect(run(() => [0.8, true], 20_000)).toHaveLength(2);
    expect(run((at) => [0.8, at < 3000 || at > 4000], 8000)).toHaveLength(2);
  });
});

describe("the queue", () => {
  const hands = ["a", "b", "c"].map((person, at) => ({ person, at }));
  it.each([
    ["a", 1, null],
    ["b", 2, "a"],
    ["c", 3, "b"],
    ["d", 0, null],
  ])("%s is number %i after %s", (person, place, first) => expect([placeOf(hands, person), before(hands, person)]).toEqual([place, first]));
});

describe("slots", () => {
  it("show what the server said last, and count turns", () => {
    const say = (slot: string, track: string | null, reason: "" | "bandwidth" = ""): Parameters<typeof settle>[1] => ({ slot, track, layer: 0, reason });
    let slots = settle(EMPTY, say("v0", "a.1"));
    slots = settle(slots, say("v1", "b.1"));
    expect(slotOf(slots, "a.1")).toEqual({ slot: "v0", track: "a.1", reason: "", turn: 1 });
    slots = settle(slots, say("v0", "a.1", "bandwidth"));
    expect(slotOf(slots, "a.1")).toMatchObject({ reason: "bandwidth", turn: 1 });
    slots = settle(slots, say("v0", "c.1"));
    expect([slotOf(slots, "a.1"), slotOf(slots, "c.1")?.turn]).toEqual([null, 2]);
    slots = settle(slots, say("v0", null));
    expect([slotOf(slots, "c.1"), slotOf(slots, undefined), slots.size]).toEqual([null, null, 1]);
  });
});

describe("view wishes", () => {
  const state = meeting(crowd(3));
  const tile = (person: string, big = false, source: "camera" | "screen" = "camera"): Parameters<typeof wishOf>[0][number] => ({ key: person, person, source, big, x: 0, y: 0, width: 301, height: 169 });
  const seen = { visible: true, listen: false, density: 1 };
  it("asks for what is on the screen, the large first, never for oneself", () => {
    const { looks } = wishOf([tile("p01"), tile("p02"), tile("p03", true)], state, "p01", seen);
    expect(looks.map((look) => [look.track, look.rank, look.width, look.height])).toEqual([
      ["p03.1", "stage", 320, 200],
      ["p02.1", "thumbnail", 320, 200],
    ]);
  });
  it.each([
    ["a hidden page", { visible: false }],
    ["sound only", { listen: true }],
  ])("%s asks for no picture", (_, part) => expect(wishOf([tile("p02")], state, "p01", { ...seen, ...part }).looks).toEqual([]));
  it("asks for more on a fine screen, but not for more than twice", () => expect([2, 3].map((density) => wishOf([tile("p02")], state, "p01", { ...seen, density }).looks[0]?.width)).toEqual([640, 640]));
  it("asks for nothing somebody does not send", () => expect(wishOf([tile("p02", true, "screen")], state, "p01", seen).looks).toEqual([]));

  it("is sent at once, then four times a second, the newest only, and nothing twice", () => {
    vi.useFakeTimers();
    const sent: number[] = [];
    const viewer = new Viewer((wish) => sent.push(wish.looks[0]?.width ?? 0));
    const wish = (width: number): void => viewer.wish({ looks: [{ track: "a", width, height: 1, rank: "stage" }] });
    wish(1);
    wish(2);
    wish(3);
    expect(sent).toEqual([1]);
    vi.advanceTimersByTime(250);
    expect(sent).toEqual([1, 3]);
    wish(3);
    vi.advanceTimersByTime(1000);
    expect(sent).toEqual([1, 3]);
    viewer.again();
    expect(sent).toEqual([1, 3, 3]);
    viewer.close();
    vi.useRealTimers();
  });
});

describe("encodings", () => {
  const camera = (): RTCRtpEncodingParameters[] => ["q", "h", "f"].map((rid) => ({ rid, active: true }));
  const active = (list: RTCRtpEncodingParameters[]): (string | undefined)[] => list.filter((one) => one.active).map((one) => one.rid);
  it.each([
    ["everything", LAVISH, null, ["q", "h", "f"]],
    ["what is watched", LAVISH, ["q", "f"], ["q", "f"]],
    ["nothing is watched", LAVISH, [], []],
    ["half", { ...LAVISH, layers: "half" as const }, null, ["q", "h"]],
    ["a quarter of what is watched", { ...LAVISH, layers: "quarter" as const }, ["q", "f"], ["q"]],
    ["rests", { ...LAVISH, layers: "none" as const }, ["q"], []],
  ])("%s", (_, thrift, watched, rids) => {
    const list = camera();
    tune(list, "camera", thrift, watched);
    expect(active(list)).toEqual(rids);
    expect(tune(list, "camera", thrift, watched)).toBe(false);
  });
  it("an encoder without layers rests only when no picture is to be sent", () => {
    const list: RTCRtpEncodingParameters[] = [{ active: true }];
    tune(list, "camera", LAVISH, []);
    expect(list[0]?.active).toBe(true);
    tune(list, "camera", { ...LAVISH, layers: "none" }, null);
    expect(list[0]?.active).toBe(false);
  });
  it("voices go first, and get thin on the thinnest path", () => {
    const list: RTCRtpEncodingParameters[] = [{ active: true }];
    tune(list, "mic", LAVISH, null);
    expect(list[0]).toMatchObject({ maxBitrate: 32_000, priority: "high", networkPriority: "high" });
    tune(list, "mic", thriftOf(5, "auto", false), null);
    expect(list[0]?.maxBitrate).toBe(14_000);
  });
  it.each([
    [0, "auto", false, "all", true],
    [0, "on", false, "quarter", true],
    [1, "auto", false, "half", true],
    [2, "off", false, "quarter", true],
    [4, "auto", false, "none", true],
    [5, "auto", false, "none", false],
    [0, "auto", true, "none", true],
  ] as const)("rung %i, saver %s, rest %s: %s", (rung, saver, rest, layers, red) => expect(thriftOf(rung, saver, rest)).toMatchObject({ layers, red }));

  it.each([
    ["a=rtpmap:111 opus/48000/2\r\na=fmtp:111 minptime=10;useinbandfec=1\r\n", "a=fmtp:111 minptime=10;useinbandfec=1;usedtx=1\r\n"],
    ["a=rtpmap:111 opus/48000/2\r\n", "a=fmtp:111 useinbandfec=1;usedtx=1\r\n"],
    ["a=rtpmap:111 opus/48000/2\r\na=fmtp:111 usedtx=0;stereo=1\r\n", "a=fmtp:111 stereo=1;useinbandfec=1;usedtx=1\r\n"],
  ])("asks for silence that costs nothing: %j", (sdp, line) => {
    expect(withSilence(sdp)).toContain(line);
    expect(withSilence(withSilence(sdp))).toBe(withSilence(sdp));
  });
  it("leaves a description without Opus alone", () => expect(withSilence("v=0\r\n")).toBe("v=0\r\n"));
});

describe("the way up", () => {
  const look = (uplink: Uplink, loss: number, available: number | null, times: number): boolean[] => Array.from({ length: times }, () => uplink.look({ loss, available }));
  it("rests the picture after six poor seconds and takes it back after twelve good ones", () => {
    const uplink = new Uplink();
    expect(look(uplink, 0.3, 1e6, 3)).toEqual([false, false, true]);
    expect(uplink.resting).toBe(true);
    expect(look(uplink, 0, 60_000, 6)).toEqual([false, false, false, false, false, true]);
    expect(uplink.resting).toBe(false);
  });
  it("a short dip changes nothing", () => {
    const uplink = new Uplink();
    expect([...look(uplink, 0.5, 1e6, 2), ...look(uplink, 0, 1e6, 1), ...look(uplink, 0.5, 1e6, 2)]).not.toContain(true);
  });
  it("a path that came back is judged anew", () => {
    const uplink = new Uplink();
    look(uplink, 1, 5000, 3);
    expect(uplink.anew()).toBe(true);
    expect(uplink.resting).toBe(false);
    look(uplink, 1, 5000, 2);
    expect(uplink.anew()).toBe(false);
    expect(look(uplink, 1, 5000, 2)).toEqual([false, false]);
  });
});

describe("the link check", () => {
  const path = { heard: true, loss: 0, rtt: 0.05, jitter: 0.01, up: 1e6 };
  it.each([
    [{}, "good"],
    [{ up: null }, "good"],
    [{ up: 300_000 }, "fair"],
    [{ rtt: 0.4 }, "fair"],
    [{ loss: 0.05 }, "fair"],
    [{ jitter: 0.09 }, "fair"],
    [{ up: 90_000 }, "sound"],
    [{ loss: 0.2 }, "sound"],
    [{ loss: 0.4 }, "poor"],
    [{ rtt: 2 }, "poor"],
    [{ heard: false }, "none"],
  ] as const)("%j is %s", (part, verdict) => expect(judge({ ...path, ...part })).toBe(verdict));

  it("counts what both connections say", () => {
    let sum = count([{ type: "remote-inbound-rtp", roundTripTime: 0.08, fractionLost: 0.02 }, { type: "candidate-pair", nominated: true, currentRoundTripTime: 0.05, availableOutgoingBitrate: 700_000 }], NO_COUNTERS);
    sum = count([{ type: "inbound-rtp", kind: "audio", packetsReceived: 90, packetsLost: 10, jitter: 0.02, totalAudioEnergy: 1 }, { type: "inbound-rtp", kind: "video", packetsReceived: 500 }], sum);
    expect(measured(sum, true)).toEqual({ heard: true, loss: 0.1, rtt: 0.08, jitter: 0.02, up: 700_000 });
    expect(measured(sum, false).up).toBeNull();
    expect(judge(measured(NO_COUNTERS, false))).toBe("none");
  });
});

describe("the chat", () => {
  const line = (number: number, person = "a"): ChatLine => ({ number, at: number, person, name: person, agency_name: "", text: `${number}` });
  it("counts what was not seen, each line once", () => {
    let chat = chats.add(chats.open(), line(1), "me", false);
    chat = chats.add(chat, line(2), "me", false);
    chat = chats.add(chat, line(2), "me", false);
    expect([chat.lines.length, chats.unread(chat)]).toEqual([2, 2]);
    chat = chats.read(chat);
    expect(chats.unread(chat)).toBe(0);
    expect(chats.unread(chats.add(chat, line(3, "me"), "me", false))).toBe(0);
    expect(chats.unread(chats.add(chat, line(3), "me", true))).toBe(0);
  });
  it("is filled by who comes late, in order, and goes on backwards", () => {
    let chat = chats.add(chats.open(), line(60), "me", false);
    chat = chats.fill(chat, { lines: [line(58), line(59), line(60)], more: true });
    expect([chat.lines.map((one) => one.number), chat.more, chats.unread(chat)]).toEqual([[58, 59, 60], true, 3]);
    chat = chats.fill(chat, { lines: [line(57)], more: false });
    expect([chat.lines[0]?.number, chat.more]).toEqual([57, false]);
  });
});
