import type { PubAnswer } from "../../protocol/messages";
import { LAVISH, SIMULCAST, type Thrift, tune, withSilence } from "./encodings";
import type { Ask } from "./ports";

export type TrackSource = "mic" | "camera" | "screen";
export type Tracks = Record<TrackSource, MediaStreamTrack | null>;

const SOURCES: readonly TrackSource[] = ["mic", "camera", "screen"];
const ANSWER_MS = 8000;

export interface PublisherPorts {
  connect: () => RTCPeerConnection;
  ask: Ask;
  /** The connection's own news; `pc` tells an old one from the present one. */
  changed: (state: RTCPeerConnectionState) => void;
  /** Audio codecs of this browser in the order they are wanted; null: leave them as they are. */
  voices: (red: boolean) => RTCRtpCodec[] | null;
}

/** What one person sends, over one connection at a time. Changes that come while an offer is under way are merged into the next. */
export class Publisher {
  #pc: RTCPeerConnection | null = null;
  #lines: Record<TrackSource, RTCRtpTransceiver | null> = { mic: null, camera: null, screen: null };
  #tracks: Tracks = { mic: null, camera: null, screen: null };
  #watched: readonly string[] | null = null;
  #thrift = LAVISH;
  #red = true;
  #rev = 0;
  #wanted = 0;
  #done = 0;
  #begun = false;
  #renew = false;
  #restart = false;
  #running: Promise<void> | null = null;
  #closed = false;

  /** `echo`: the rehearsal path, where one hears oneself. */
  constructor(
    private readonly ports: PublisherPorts,
    private readonly echo = false,
  ) {}

  get connection(): RTCPeerConnection | null {
    return this.#pc;
  }

  /** Sends these from now on; null takes one away. Rejects when the server does not take the offer. */
  set(part: Partial<Tracks>): Promise<void> {
    this.#tracks = { ...this.#tracks, ...part };
    return this.#change();
  }

  /** Sends as much of it as the path bears. */
  save(thrift: Thrift): void {
    if (JSON.stringify(thrift) === JSON.stringify(this.#thrift)) return;
    this.#thrift = thrift;
    void this.#change().catch(() => undefined);
  }

  /** The camera's layers that somebody watches. */
  watch(mid: string, rids: readonly string[]): void {
    if (mid !== this.#lines.camera?.mid) return;
    this.#watched = rids;
    void this.#tuneAll();
  }

  /** New addresses over the same connection. */
  restart(): Promise<void> {
    this.#restart = true;
    return this.#change();
  }

  /** The first connection, or a new one with the same tracks. Before it nothing is sent. */
  renew(): Promise<void> {
    this.#begun = this.#renew = true;
    return this.#change();
  }

  /** The loss of our packets as the other side reports it, and what the path can take; null before anything is known. */
  async uplink(): Promise<{ loss: number; rtt: number; available: number | null } | null> {
    const report = await this.#pc?.getStats();
    if (!report) return null;
    let loss = 0;
    let rtt = 0;
    let available: number | null = null;
    report.forEach((entry: Record<string, unknown>) => {
      if (entry["type"] === "remote-inbound-rtp") {
        loss = Math.max(loss, Number(entry["fractionLost"] ?? 0));
        rtt = Math.max(rtt, Number(entry["roundTripTime"] ?? 0));
      } else if (entry["type"] === "candidate-pair" && entry["nominated"] === true) {
        if (typeof entry["availableOutgoingBitrate"] === "number") available = entry["availableOutgoingBitrate"];
        if (typeof entry["currentRoundTripTime"] === "number") rtt = Math.max(rtt, entry["currentRoundTripTime"]);
      }
    });
    return { loss, rtt, available };
  }

  close(): void {
    this.#closed = true;
    this.#pc?.close();
    this.#pc = null;
  }

  #change(): Promise<void> {
    this.#wanted += 1;
    this.#running ??= this.#run().finally(() => (this.#running = null));
    return this.#running;
  }

  async #run(): Promise<void> {
    // What is asked of us meanwhile is done in the same go; a failure leaves it to whoever mends the connection.
    while (this.#done !== this.#wanted && !this.#closed) {
      const going = this.#wanted;
      try {
        await this.#once();
      } finally {
        this.#done = going;
      }
    }
  }

  async #once(): Promise<void> {
    if (!this.#begun) return;
    const fresh = this.#renew || this.#pc === null;
    const restart = this.#restart;
    const old = fresh ? this.#pc : null;
    this.#renew = this.#restart = false;
    if (fresh) this.#open();
    const pc = this.#pc;
    if (pc === null) return;
    let negotiate = fresh || restart;
    for (const source of SOURCES) negotiate = (await this.#carry(pc, source)) || negotiate;
    if (this.#red !== this.#thrift.red && this.#lines.mic) {
      this.#prefer();
      negotiate = true;
    }
    if (negotiate) await this.#offer(pc, restart && !fresh);
    await this.#tuneAll();
    old?.close();
  }

  #open(): void {
    const pc = this.ports.connect();
    this.#pc = pc;
    this.#lines = { mic: null, camera: null, screen: null };
    this.#watched = null;
    pc.addEventListener("connectionstatechange", () => this.#pc === pc && this.ports.changed(pc.connectionState));
  }

  /** Puts a source's track on its line; true when a line came or went, so that an offer is needed. */
  async #carry(pc: RTCPeerConnection, source: TrackSource): Promise<boolean> {
    const track = this.#tracks[source];
    const line = this.#lines[source];
    if (line === null) {
      // Microphone and camera have their lines from the start: switching on later needs no offer.
      if (track === null && source === "screen") return false;
      this.#lines[source] = this.#line(pc, source, track);
      return true;
    }
    if (line.sender.track !== track) await line.sender.replaceTrack(track);
    if (source !== "screen" || track !== null) return false;
    line.stop();
    this.#lines.screen = null;
    return true;
  }

  #line(pc: RTCPeerConnection, source: TrackSource, track: MediaStreamTrack | null): RTCRtpTransceiver {
    const init: RTCRtpTransceiverInit = { direction: "sendonly" };
    if (source === "camera") init.sendEncodings = SIMULCAST.map((one) => ({ ...one }));
    const line = pc.addTransceiver(track ?? (source === "mic" ? "audio" : "video"), init);
    if (source === "mic") {
      this.#lines.mic = line;
      this.#prefer();
    }
    return line;
  }

  #prefer(): void {
    this.#red = this.#thrift.red;
    const codecs = this.ports.voices(this.#red);
    if (codecs) this.#lines.mic?.setCodecPreferences?.(codecs);
  }

  async #offer(pc: RTCPeerConnection, iceRestart: boolean): Promise<void> {
    await pc.setLocalDescription(await pc.createOffer({ iceRestart }));
    const sources: Record<string, TrackSource> = {};
    for (const source of SOURCES) {
      const mid = this.#lines[source]?.mid;
      if (mid) sources[mid] = source;
    }
    this.#rev += 1;
    const offer = { rev: this.#rev, sdp: pc.localDescription?.sdp ?? "", sources, echo: this.echo };
    const answer = (await this.ports.ask("pub.offer", offer, ANSWER_MS)) as PubAnswer;
    if (pc !== this.#pc || pc.signalingState !== "have-local-offer") return;
    await pc.setRemoteDescription({ type: "answer", sdp: withSilence(answer.sdp) });
  }

  async #tuneAll(): Promise<void> {
    for (const source of SOURCES) {
      const sender = this.#lines[source]?.sender;
      if (!sender) continue;
      const parameters = sender.getParameters();
      // An old browser tells no encodings before the first packet.
      if (!parameters.encodings?.length || !tune(parameters.encodings, source, this.#thrift, this.#watched)) continue;
      await sender.setParameters(parameters).catch(() => undefined);
    }
  }
}
