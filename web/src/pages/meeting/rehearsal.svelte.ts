import { count, judge, type Measured, measured, NO_COUNTERS, type Verdict } from "../../core/meeting/linkcheck";
import { Publisher } from "../../core/meeting/publisher";
import { Subscriber } from "../../core/meeting/subscriber";
import { hears } from "../../core/meeting/voice";
import { connection, voices } from "./browser";
import type { Visit } from "./visit.svelte";

const CONNECT_MS = 8000;
/** Five seconds to speak, five to listen: nobody can judge a voice that echoes while he speaks. */
export const HALF_MS = 5000;

export type Stage = "ready" | "connecting" | "speak" | "listen" | "asked" | "failed";

/** The rehearsal: own voice and picture through the media server and back, on the same road as in the meeting. */
export class Rehearsal {
  stage = $state<Stage>("ready");
  /** Share of the present half that has passed. */
  passed = $state(0);
  verdict = $state<Verdict | null>(null);
  figures = $state.raw<Measured | null>(null);
  /** The microphone itself gave nothing while it was spoken into. */
  silent = $state(false);
  played = $state(false);

  #publisher: Publisher | null = null;
  #subscriber: Subscriber | null = null;
  #sound: HTMLAudioElement | null = null;
  #closed = false;

  constructor(private readonly visit: Visit) {}

  async run(): Promise<void> {
    this.#release();
    this.stage = "connecting";
    this.verdict = this.figures = null;
    this.silent = this.played = false;
    try {
      const back = await this.#connect();
      const record = await this.#speak(back);
      await this.#measure();
      await this.#listen(record);
      this.stage = "asked";
    } catch {
      if (!this.#closed) this.stage = "failed";
    } finally {
      this.#release();
    }
  }

  close(): void {
    this.#closed = true;
    this.#release();
  }

  async #connect(): Promise<MediaStreamTrack> {
    const { media, line } = this.visit;
    let found: (track: MediaStreamTrack) => void = () => undefined;
    const track = new Promise<MediaStreamTrack>((resolve) => (found = resolve));
    const ports = { connect: () => connection([]), ask: line.ask, changed: () => undefined };
    this.#publisher = new Publisher({ ...ports, voices }, true);
    this.#subscriber = new Subscriber({ ...ports, slot: (slot, one) => slot.startsWith("a") && found(one) }, () => ({ audio: 1, video: media.camera ? 1 : 0, screen: 0 }), true);
    void this.#publisher.set({ mic: media.mic, camera: media.camera });
    await this.#publisher.renew();
    await this.#subscriber.renew();
    const late = new Promise<never>((_, reject) => setTimeout(() => reject(new Error("no way through")), CONNECT_MS));
    const back = await Promise.race([track, late]);
    await Promise.race([this.#connected(), late]);
    return back;
  }

  async #connected(): Promise<void> {
    while (!this.#closed && !(this.#publisher?.connection?.connectionState === "connected" && this.#subscriber?.connection?.connectionState === "connected")) await pause(60);
  }

  /** Records what comes back while the person speaks. */
  async #speak(back: MediaStreamTrack): Promise<Blob | null> {
    const stream = new MediaStream([back]);
    // Without an element some browsers do not decode at all.
    this.#sound = new Audio();
    this.#sound.muted = true;
    this.#sound.srcObject = stream;
    void this.#sound.play().catch(() => undefined);
    const parts: Blob[] = [];
    const recorder = typeof MediaRecorder === "function" ? new MediaRecorder(stream) : null;
    const stopped = new Promise<void>((resolve) => recorder && (recorder.onstop = () => resolve()));
    if (recorder) recorder.ondataavailable = (event) => parts.push(event.data);
    recorder?.start();
    this.stage = "speak";
    const levels: number[] = [];
    await this.#half(() => levels.push(this.visit.media.level));
    this.silent = hears(levels) === "nothing";
    if (!recorder) return null;
    recorder.stop();
    await Promise.race([stopped, pause(1000)]);
    return new Blob(parts, { type: recorder.mimeType });
  }

  async #measure(): Promise<void> {
    let counters = NO_COUNTERS;
    for (const one of [this.#publisher, this.#subscriber]) {
      const report = await one?.connection?.getStats();
      if (report) counters = count((report as unknown as Map<string, Record<string, unknown>>).values(), counters);
    }
    this.figures = measured(counters, this.visit.media.camera !== null);
    this.verdict = judge(this.figures);
  }

  async #listen(record: Blob | null): Promise<void> {
    if (record === null || record.size === 0 || this.verdict === "none") return;
    const sound = this.#sound ?? new Audio();
    const url = URL.createObjectURL(record);
    try {
      sound.srcObject = null;
      sound.muted = false;
      sound.src = url;
      const speaker = this.visit.media.chosen.audiooutput.id;
      if (speaker !== "" && "setSinkId" in sound) await sound.setSinkId(speaker).catch(() => undefined);
      await sound.play();
      this.stage = "listen";
      await this.#half(() => undefined);
      this.played = true;
    } finally {
      sound.pause();
      sound.removeAttribute("src");
      URL.revokeObjectURL(url);
    }
  }

  async #half(each: () => void): Promise<void> {
    const began = performance.now();
    while (!this.#closed) {
      this.passed = Math.min(1, (performance.now() - began) / HALF_MS);
      each();
      if (this.passed >= 1) return;
      await pause(100);
    }
    throw new Error("closed");
  }

  #release(): void {
    this.#publisher?.close();
    this.#subscriber?.close();
    this.#publisher = this.#subscriber = null;
    if (this.#sound) this.#sound.srcObject = null;
    this.#sound = null;
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
