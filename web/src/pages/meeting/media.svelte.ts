import { type Choice, changes, type Device, following, find, type Happened, instead, type Kind, NONE } from "../../core/meeting/devices";
import type { Memory } from "../../core/meeting/ports";
import { type Trouble, troubleOf } from "../../core/meeting/trouble";
import { around, canCapture, granted, listDevices } from "./browser";
import { Ear } from "./ear";

type Source = "mic" | "camera";

const KIND: Record<Source, Kind> = { mic: "audioinput", camera: "videoinput" };
const CHOICE = "smartroom.meeting.devices";
const LEVEL_MS = 80;

/** This device's own camera and microphone: had or not, why not, which, how loud. The tracks belong to whoever sends them; a new one is told by `changed`. */
export class LocalMedia {
  camera = $state.raw<MediaStreamTrack | null>(null);
  mic = $state.raw<MediaStreamTrack | null>(null);
  /** The switches, as the person set them. */
  cameraOn = $state(true);
  micOn = $state(true);
  troubles = $state.raw<Record<Source, Trouble | null>>({ mic: null, camera: null });
  /** The browser asks the person now. */
  asking = $state(false);
  /** It is known whether anybody has to be asked. */
  known = $state(false);
  devices = $state.raw<Device[]>([]);
  chosen = $state.raw<Record<Kind, Choice>>({ audioinput: NONE, videoinput: NONE, audiooutput: NONE });
  /** Loudness at the microphone, also while it is closed: 0..1. */
  level = $state(0);
  /** The system holds the microphone for something else, such as a telephone call. */
  held = $state(false);

  /** A track came, changed or went. */
  changed: (source: Source) => void = () => undefined;
  /** Devices were plugged or pulled. */
  happened: (news: Happened[]) => void = () => undefined;
  /** Another device goes on in the place of one that has gone. */
  replaced: (label: string) => void = () => undefined;
  heard: (level: number) => void = () => undefined;

  readonly #memory: Memory;
  #ear: Ear | null = null;
  #turn: Promise<void> = Promise.resolve();
  #watching = false;

  constructor(memory: Memory) {
    this.#memory = memory;
    try {
      this.chosen = { ...this.chosen, ...(JSON.parse(memory.get(CHOICE) ?? "{}") as Partial<Record<Kind, Choice>>) };
    } catch {
      // chosen anew
    }
  }

  /** Looks what is there; opens it when nobody has to be asked. */
  async begin(): Promise<void> {
    if (!canCapture) {
      const trouble: Trouble = around.secure ? "unsupported" : "insecure";
      this.troubles = { mic: trouble, camera: trouble };
      this.known = true;
      return;
    }
    if (!this.#watching) navigator.mediaDevices.addEventListener?.("devicechange", () => void this.#look());
    this.#watching = true;
    await this.#look();
    const [camera, mic] = await Promise.all([granted("camera"), granted("microphone")]);
    const opened = camera && mic ? this.open() : null;
    this.known = true;
    await opened;
  }

  /** True once anything was had or refused: the person has been asked. */
  get settled(): boolean {
    return this.camera !== null || this.mic !== null || this.troubles.mic !== null || this.troubles.camera !== null;
  }

  /** Opens what the switches want and is not open yet; asks the person at most once for both. */
  open(): Promise<void> {
    return this.#next(async () => {
      const mic = this.mic === null;
      const camera = this.camera === null && this.cameraOn;
      if (mic && camera && (await this.#get(["mic", "camera"]))) return;
      // One of them failed: find out which, and have the other.
      if (mic) await this.#get(["mic"]);
      if (camera && this.camera === null) await this.#get(["camera"]);
    });
  }

  setMic(on: boolean): void {
    this.micOn = on;
    if (this.mic) this.mic.enabled = on;
    if (on && this.mic === null) void this.open();
    else this.changed("mic");
  }

  setCamera(on: boolean): void {
    this.cameraOn = on;
    if (on) void this.open();
    else this.#drop("camera");
  }

  /** Uses another device from now on, and remembers it. */
  choose(kind: Kind, device: Device): Promise<void> {
    this.chosen = { ...this.chosen, [kind]: { id: device.id, label: device.label } };
    this.#memory.set(CHOICE, JSON.stringify(this.chosen));
    if (kind === "audiooutput") return Promise.resolve();
    const source: Source = kind === "audioinput" ? "mic" : "camera";
    if (source === "camera" && !this.cameraOn) return Promise.resolve();
    return this.#next(async () => {
      // Some phones cannot open a second camera beside the first.
      if (source === "camera") this.#drop("camera");
      await this.#get([source]);
    });
  }

  /** Lets everything go. */
  close(): void {
    this.#drop("camera");
    this.#drop("mic");
  }

  using(kind: Kind): Choice | null {
    const track = kind === "audioinput" ? this.mic : kind === "videoinput" ? this.camera : null;
    if (!track) return null;
    return { id: track.getSettings().deviceId ?? "", label: track.label };
  }

  /** One after the other: two requests at once make some browsers ask twice. */
  #next(work: () => Promise<void>): Promise<void> {
    this.#turn = this.#turn.then(work, work);
    return this.#turn;
  }

  async #get(sources: Source[], device: Device | null = null): Promise<boolean> {
    this.asking = true;
    try {
      const stream = await this.#request(sources, device);
      for (const source of sources) {
        const track = (source === "mic" ? stream.getAudioTracks() : stream.getVideoTracks())[0] ?? null;
        this.#take(source, track);
      }
      this.troubles = { ...this.troubles, ...Object.fromEntries(sources.map((source) => [source, null])) };
      await this.#look();
      return true;
    } catch (error) {
      const trouble = troubleOf(error as Error, around.secure);
      if (sources.length === 1) this.troubles = { ...this.troubles, ...Object.fromEntries(sources.map((source) => [source, trouble])) };
      return false;
    } finally {
      this.asking = false;
    }
  }

  async #request(sources: Source[], device: Device | null): Promise<MediaStream> {
    const wanted = (exact: boolean): MediaStreamConstraints => ({
      audio: sources.includes("mic") && { ...this.#device("mic", exact, device), echoCancellation: true, noiseSuppression: true, autoGainControl: true },
      video: sources.includes("camera") && { ...this.#device("camera", exact, device), width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 25, max: 30 }, facingMode: "user" },
    });
    try {
      return await navigator.mediaDevices.getUserMedia(wanted(true));
    } catch (error) {
      // The remembered device is gone, or cannot do it: any other will do.
      if ((error as Error).name !== "OverconstrainedError" && (error as Error).name !== "NotFoundError") throw error;
      return navigator.mediaDevices.getUserMedia(wanted(false));
    }
  }

  #device(source: Source, exact: boolean, device: Device | null): MediaTrackConstraints {
    const wanted = exact ? (device ?? find(this.devices, KIND[source], this.chosen[KIND[source]])) : null;
    return wanted ? { deviceId: { exact: wanted.id } } : {};
  }

  #take(source: Source, track: MediaStreamTrack | null): void {
    const old = this[source];
    this[source] = track;
    if (track) {
      track.addEventListener("ended", () => this[source] === track && void this.#lost(source));
      if (source === "camera") track.contentHint = "motion";
      else {
        track.enabled = this.micOn;
        this.held = track.muted;
        track.addEventListener("mute", () => this.mic === track && (this.held = true));
        track.addEventListener("unmute", () => this.mic === track && (this.held = false));
      }
    }
    if (old !== track) old?.stop();
    if (source === "mic") this.#listen();
    this.changed(source);
  }

  #drop(source: Source): void {
    if (this[source]) this.#take(source, null);
  }

  /** The device was pulled, or the system took it away: say so, and go on with another. */
  async #lost(source: Source): Promise<void> {
    const kind = KIND[source];
    const gone = this.using(kind) ?? NONE;
    this.#drop(source);
    const before = this.devices;
    this.devices = await listDevices();
    const news = changes(before, this.devices, { [kind]: gone });
    // Where the list still has it, it was taken, not pulled.
    this.happened(news.some((one) => one.used) ? news : [...news, { what: "gone", kind, label: gone.label, used: true }]);
    if (source === "camera" && !this.cameraOn) return;
    const next = instead(this.devices.filter((device) => device.id !== gone.id), kind, this.chosen[kind]);
    await this.#next(() => this.#get([source], next).then((got) => void (got && this[source] && this.replaced(this[source]?.label ?? ""))));
  }

  async #look(): Promise<void> {
    const before = this.devices;
    this.devices = await listDevices();
    const using = { audioinput: this.using("audioinput") ?? NONE, videoinput: this.using("videoinput") ?? NONE, audiooutput: this.chosen.audiooutput };
    const news = changes(before, this.devices, using);
    if (news.length > 0) this.happened(news);
    for (const source of ["mic", "camera"] as const) {
      const kind = KIND[source];
      const next = following(this.devices, kind, this[source] && this[source]?.readyState === "live" ? this.using(kind) : null, this.chosen[kind]);
      if (next !== "stay" && next !== "none") await this.#get([source]);
      // What was missing before may be there now.
      else if (this[source] === null && this.troubles[source] === "missing" && news.some((one) => one.what === "came" && one.kind === kind)) await this.#get([source]);
    }
  }

  /** Hears the microphone through a copy: the sent track is silent while it is closed, the copy is not. */
  #listen(): void {
    this.#ear?.close();
    this.#ear = this.mic ? new Ear(this.mic, LEVEL_MS, (level) => {
      this.level = level;
      this.heard(level);
    }) : null;
    if (!this.mic) this.level = 0;
  }
}
