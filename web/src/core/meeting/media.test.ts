import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Mender } from "./mender";
import { Publisher } from "./publisher";
import { Refusal } from "./refusal";
import { Subscriber } from "./subscriber";
import { thriftOf } from "./encodings";

describe("mending", () => {
  let log: string[];
  let fails: number;
  let mender: Mender;
  const began = (): number => Date.now() - start;
  let start = 0;

  beforeEach(() => {
    vi.useFakeTimers();
    start = Date.now();
    log = [];
    fails = 0;
    const step = (name: string) => async (): Promise<void> => {
      log.push(`${name}@${began()}`);
      if (fails-- > 0) throw new Error("no");
    };
    mender = new Mender({ restart: step("restart"), renew: step("renew") }, () => undefined);
  });
  afterEach(() => {
    mender.close();
    vi.useRealTimers();
  });

  it("first new addresses at once, then new connections in growing pauses", async () => {
    fails = 99;
    mender.hear("disconnected");
    await vi.advanceTimersByTimeAsync(17_000);
    expect(log).toEqual(["restart@0", "renew@300", "renew@1500", "renew@4200", "renew@9000", "renew@16000"]);
    await vi.advanceTimersByTimeAsync(14_500);
    expect(log.slice(6)).toEqual(["renew@23000", "renew@30000"]);
  });

  it("an attempt that does not connect in three seconds has failed; one that does begins anew next time", async () => {
    mender.hear("failed");
    await vi.advanceTimersByTimeAsync(3400);
    expect(log).toEqual(["restart@0", "renew@3300"]);
    mender.hear("connected");
    await vi.advanceTimersByTimeAsync(20_000);
    expect(log).toHaveLength(2);
    mender.hear("disconnected");
    await vi.advanceTimersByTimeAsync(1);
    expect(log[2]).toContain("restart");
  });

  it("what the server has ended is made anew, not restarted", async () => {
    mender.hear("gone");
    await vi.advanceTimersByTimeAsync(1);
    expect(log).toEqual(["renew@0"]);
  });

  it("without a line it waits, and tries at once when the line is back", async () => {
    mender.line(false);
    mender.hear("failed");
    await vi.advanceTimersByTimeAsync(20_000);
    expect(log).toEqual([]);
    mender.line(true);
    await vi.advanceTimersByTimeAsync(1);
    expect(log).toEqual(["restart@20000"]);
  });

  it("a network that may have changed is not waited for", async () => {
    mender.nudge();
    expect(log).toEqual([]);
    mender.hear("connected");
    mender.nudge();
    await vi.advanceTimersByTimeAsync(1);
    expect(log).toEqual(["restart@0"]);
  });
});

/** A browser's connection as far as our code touches it; what it is told is written down. */
class FakeConnection extends EventTarget {
  static made: FakeConnection[] = [];
  connectionState: RTCPeerConnectionState = "new";
  signalingState = "stable";
  localDescription: { sdp: string } | null = null;
  lines: FakeLine[] = [];
  log: string[] = [];
  closed = false;

  constructor() {
    super();
    FakeConnection.made.push(this);
  }
  addTransceiver(track: MediaStreamTrack | string, init: RTCRtpTransceiverInit): FakeLine {
    const line = new FakeLine(track, init, String(this.lines.length));
    this.lines.push(line);
    return line;
  }
  async createOffer(options?: RTCOfferOptions): Promise<{ sdp: string }> {
    this.log.push(options?.iceRestart ? "offer restart" : "offer");
    return { sdp: `offer${this.log.length}` };
  }
  async createAnswer(): Promise<{ sdp: string }> {
    return { sdp: "answer" };
  }
  async setLocalDescription(description: { sdp: string }): Promise<void> {
    this.localDescription = description;
    this.signalingState = "have-local-offer";
  }
  async setRemoteDescription(description: { type: string }): Promise<void> {
    this.log.push(`remote ${description.type}`);
    this.signalingState = "stable";
  }
  close(): void {
    this.closed = true;
  }
}

class FakeLine {
  stopped = false;
  preferred: string[] = [];
  sender;
  constructor(track: MediaStreamTrack | string, init: RTCRtpTransceiverInit, readonly mid: string) {
    const encodings = init.sendEncodings ?? [{ active: true }];
    this.sender = {
      track: typeof track === "string" ? null : track,
      replaceTrack: async (next: MediaStreamTrack | null): Promise<void> => void (this.sender.track = next),
      getParameters: () => ({ encodings: encodings.map((one) => ({ ...one, active: one.active ?? true })) }),
      setParameters: async (parameters: { encodings: RTCRtpEncodingParameters[] }): Promise<void> => void encodings.splice(0, 9, ...parameters.encodings),
    };
    this.encodings = encodings;
  }
  encodings: RTCRtpEncodingParameters[];
  setCodecPreferences(codecs: RTCRtpCodec[]): void {
    this.preferred = codecs.map((codec) => codec.mimeType);
  }
  stop(): void {
    this.stopped = true;
  }
}

const track = (id: string): MediaStreamTrack => ({ id }) as MediaStreamTrack;
const codec = (mimeType: string): RTCRtpCodec => ({ mimeType, clockRate: 48_000 });

describe("publishing", () => {
  let asked: Record<string, unknown>[];
  let answers: (() => Promise<unknown>)[];
  let publisher: Publisher;

  beforeEach(() => {
    FakeConnection.made = [];
    asked = [];
    answers = [];
    publisher = new Publisher({
      connect: () => new FakeConnection() as unknown as RTCPeerConnection,
      ask: async (event, body) => {
        asked.push({ event, ...(body as object) });
        const own = answers.shift();
        return own ? own() : { rev: 1, sdp: "v=0\r\n", tracks: [] };
      },
      changed: () => undefined,
      voices: (red) => (red ? [codec("audio/red"), codec("audio/opus")] : [codec("audio/opus"), codec("audio/red")]),
    });
  });
  const last = (): FakeConnection => FakeConnection.made[FakeConnection.made.length - 1] as FakeConnection;

  it("sends nothing before it is opened; then one offer with a line for microphone and camera, RED first", async () => {
    await publisher.set({ mic: track("m") });
    expect(FakeConnection.made).toEqual([]);
    await publisher.renew();
    expect(asked).toMatchObject([{ event: "pub.offer", rev: 1, sources: { 0: "mic", 1: "camera" } }]);
    expect(last().lines[0]?.preferred).toEqual(["audio/red", "audio/opus"]);
    expect(last().lines[1]?.encodings.map((one) => one.rid)).toEqual(["q", "h", "f"]);
  });

  it("switches camera and microphone without an offer; a screen comes and goes with one", async () => {
    await publisher.renew();
    await publisher.set({ mic: track("m"), camera: track("c") });
    await publisher.set({ camera: null });
    expect(asked).toHaveLength(1);
    await publisher.set({ screen: track("s") });
    expect(asked[1]).toMatchObject({ rev: 2, sources: { 0: "mic", 1: "camera", 2: "screen" } });
    await publisher.set({ screen: null });
    expect(asked[2]).toMatchObject({ rev: 3, sources: { 0: "mic", 1: "camera" } });
    expect(last().lines[2]?.stopped).toBe(true);
    await publisher.set({ screen: track("t") });
    expect(asked[3]).toMatchObject({ sources: { 0: "mic", 1: "camera", 3: "screen" } });
  });

  it("has one offer under way; what changes meanwhile goes into the next", async () => {
    let release: (value: unknown) => void = () => undefined;
    answers.push(() => new Promise((resolve) => (release = resolve)));
    const opened = publisher.renew();
    await vi.waitFor(() => expect(asked).toHaveLength(1));
    void publisher.set({ screen: track("s") });
    const changed = publisher.set({ mic: track("m") });
    release({ rev: 1, sdp: "", tracks: [] });
    await Promise.all([opened, changed]);
    expect(asked.map((one) => one["rev"])).toEqual([1, 2]);
    expect(last().lines[0]?.sender.track).toMatchObject({ id: "m" });
  });

  it("restarts on the same connection, renews on another and then closes the old; revisions go on", async () => {
    await publisher.renew();
    const first = last();
    await publisher.restart();
    expect([FakeConnection.made.length, first.log]).toEqual([1, ["offer", "remote answer", "offer restart", "remote answer"]]);
    await publisher.renew();
    expect([FakeConnection.made.length, first.closed, last().closed]).toEqual([2, true, false]);
    expect(asked.map((one) => one["rev"])).toEqual([1, 2, 3]);
  });

  it("tells when the server refuses, and goes on with the next attempt", async () => {
    answers.push(() => Promise.reject(new Refusal({ code: "stale", text: { id: "", en: "" }, detail: "", fix: null, device: null, property: null })));
    await expect(publisher.renew()).rejects.toBeInstanceOf(Refusal);
    await publisher.renew();
    expect(asked.map((one) => one["rev"])).toEqual([1, 2]);
  });

  it("sends only the layers somebody watches, and less on a poor path", async () => {
    await publisher.set({ camera: track("c") });
    await publisher.renew();
    const camera = last().lines[1] as FakeLine;
    const active = (): unknown[] => camera.encodings.filter((one) => one.active).map((one) => one.rid);
    publisher.watch("1", ["q"]);
    await vi.waitFor(() => expect(active()).toEqual(["q"]));
    publisher.watch("0", ["f"]);
    publisher.watch("1", ["q", "h", "f"]);
    await vi.waitFor(() => expect(active()).toEqual(["q", "h", "f"]));
    publisher.save(thriftOf(1, "auto", false));
    await vi.waitFor(() => expect(active()).toEqual(["q", "h"]));
  });

  it("on the thinnest path says every word once: Opus before RED, by one offer", async () => {
    await publisher.renew();
    publisher.save(thriftOf(5, "auto", false));
    await vi.waitFor(() => expect(asked).toHaveLength(2));
    expect(last().lines[0]?.preferred).toEqual(["audio/opus", "audio/red"]);
  });
});

describe("receiving", () => {
  it("answers the server's offer, names tracks by their slots, and closes the old connection after the new one stands", async () => {
    FakeConnection.made = [];
    const asked: string[] = [];
    const slots: string[] = [];
    const subscriber = new Subscriber(
      {
        connect: () => new FakeConnection() as unknown as RTCPeerConnection,
        ask: async (event, body) => {
          asked.push(`${event} ${JSON.stringify(body)}`);
          return event === "sub.open" ? { rev: asked.length, sdp: "offer", slots: { m0: "a0", m1: "v0" } } : { ok: true };
        },
        changed: () => undefined,
        slot: (slot, one) => slots.push(`${slot} ${one.id}`),
      },
      () => ({ audio: 1, video: 1, screen: 0 }),
    );
    await subscriber.renew();
    const first = FakeConnection.made[0] as FakeConnection;
    first.dispatchEvent(Object.assign(new Event("track"), { track: track("t"), transceiver: { mid: "m1" } }));
    expect(slots).toEqual(["v0 t"]);
    await subscriber.restart();
    expect(FakeConnection.made).toHaveLength(1);
    expect(asked[2]).toContain('"restart":true');
    await subscriber.renew();
    expect([first.closed, FakeConnection.made.length]).toEqual([true, 2]);
    expect(asked[5]).toContain('"rev":5');
  });
});
