import { act, type Deeds } from "../../../core/meeting/acts";
import * as chats from "../../../core/meeting/chat";
import type { Happened } from "../../../core/meeting/devices";
import { type Thrift, thriftOf } from "../../../core/meeting/encodings";
import type { MeetingLine, Standing } from "../../../core/meeting/line";
import { Mender } from "../../../core/meeting/mender";
import { Publisher } from "../../../core/meeting/publisher";
import { EMPTY, settle, type Slotting } from "../../../core/meeting/slots";
import type { Own, Tile } from "../../../core/meeting/stage";
import { Subscriber } from "../../../core/meeting/subscriber";
import { came } from "../../../core/meeting/traffic";
import { Uplink } from "../../../core/meeting/uplink";
import { Viewer, wishOf } from "../../../core/meeting/view";
import { SpeaksMuted } from "../../../core/meeting/voice";
import type { ActiveLayers, Asked, AssignedSlot, BackstageState, ChatLine, ChatLines, MeetingState, PathChanged, PathQuality, Person, Problem, SeatRole } from "../../../protocol/messages";
import { page } from "../../../ui/page.svelte";
import { screen } from "../../../ui/screen.svelte";
import { canShare, connection, voices } from "../browser";
import type { Visit } from "../visit.svelte";
import View from "./Call.svelte";
import { callWords } from "./words";

/** A break shorter than this is not worth a word. */
const SAID_AFTER_S = 2;
const LOOK_MS = 2000;
const NOTICE_MS = 6000;
const MUTED_WORD_MS = 6000;
const ASK_MS = 5000;
const ECHO_MS = 1500;
const LEADERS: ReadonlySet<SeatRole> = new Set(["host", "co_host"]);

export interface Notice {
  number: number;
  good: boolean;
  text: string;
}

export type Sheet = "devices" | "more" | "people" | "host" | "person" | null;

/** The meeting as one person sits in it: media, stage, chat, hands. Components read it and ask it. */
export class Call {
  readonly component = View;
  readonly line: MeetingLine;

  state = $state.raw<MeetingState | null>(null);
  backstage = $state.raw<BackstageState | null>(null);
  me = $state("");
  role = $state<SeatRole>("participant");
  slots = $state.raw<Slotting>(EMPTY);
  /** slot -> its track, for the life of the connection. */
  tracks = $state.raw<ReadonlyMap<string, MediaStreamTrack>>(new Map());
  own = $state<Own>({ layout: null, pin: null, page: 0 });
  chat = $state.raw(chats.open());
  reading = $state(false);
  quality = $state.raw<PathQuality | null>(null);
  /** Our own picture rests so that our voice gets through. */
  resting = $state(false);
  soundOnly = $state(false);
  screenShare = $state.raw<MediaStreamTrack | null>(null);
  notices = $state.raw<readonly Notice[]>([]);
  /** Speaks, and nobody hears it. */
  mutedSpeaking = $state(false);
  asked = $state<Asked["what"] | null>(null);
  sheet = $state<Sheet>(null);
  /** Whom the person sheet is about. */
  about = $state("");
  pubWhole = $state(true);
  subWhole = $state(false);
  /** Own clock, seconds, since which media or line are broken; null: whole. */
  brokenSince = $state<number | null>(null);
  clock = $state(0);
  announced = $state("");

  readonly m = $derived(callWords(page.lang));
  readonly person: Person | null = $derived(this.state?.people[this.me] ?? null);
  readonly leads = $derived(LEADERS.has(this.role) || this.state?.acting_host === this.me);
  readonly listener = $derived(this.role === "listener");
  /** The microphone is open as far as this page decides. */
  readonly speaks = $derived(!this.listener && this.visit.media.mic !== null && this.visit.media.micOn && !this.person?.in_room);
  readonly shows = $derived(!this.listener && this.visit.media.camera !== null && this.visit.media.cameraOn);
  /** Our picture is not sent for a while, by our own look at the path or by the server's. */
  readonly rests = $derived(this.resting || this.quality?.camera === false);
  readonly unread = $derived(chats.unread(this.chat));
  readonly cut = $derived(this.brokenSince !== null && this.clock - this.brokenSince >= SAID_AFTER_S);

  readonly #publisher: Publisher;
  readonly #subscriber: Subscriber;
  readonly #pubMender: Mender;
  readonly #subMender: Mender;
  readonly #viewer: Viewer;
  readonly #uplink = new Uplink();
  readonly #speaks = new SpeaksMuted();
  #tiles: readonly Tile[] = [];
  #number = 0;
  #timers: ReturnType<typeof setInterval>[] = [];
  #mutedWord: ReturnType<typeof setTimeout> | undefined;
  #stops: (() => void)[] = [];
  #closed = false;
  /** When a switch was last moved here: what the server then says is an echo, not the host. */
  #switched = -Infinity;

  constructor(readonly visit: Visit) {
    this.line = visit.line;
    const connect = (): RTCPeerConnection => connection(this.line.now.iceServers);
    this.#publisher = new Publisher({ connect, ask: this.line.ask, voices, changed: (state) => this.#pubMender.hear(state) });
    this.#subscriber = new Subscriber(
      {
        connect: () => {
          this.slots = EMPTY;
          return connect();
        },
        ask: this.line.ask,
        changed: (state) => this.#subMender.hear(state),
        slot: (slot, track) => this.#slot(slot, track),
      },
      () => this.line.now.slots,
    );
    this.#pubMender = new Mender({ restart: () => this.#publisher.restart(), renew: () => this.#publish() }, (whole) => this.#pubChanged(whole));
    this.#subMender = new Mender({ restart: () => this.#subscriber.restart(), renew: () => this.#receive() }, (whole) => this.#subChanged(whole));
    this.line.media = async () => (await came(this.#subscriber.connection)) + (await came(this.#publisher.connection));
    this.#viewer = new Viewer((wish) => void this.line.ask("view", wish, ASK_MS).catch(() => undefined));
  }

  start(): void {
    const { media } = this.visit;
    this.follow(this.line.now, null);
    media.changed = (source) => void this.#changed(source);
    media.happened = (news) => this.#devices(news);
    media.replaced = (label) => this.tell(this.m.nowUsing(label), true);
    media.heard = (level) => this.#heard(level);
    if (this.visit.device !== "phone" && window.innerWidth >= 1100) this.reading = true;
    this.#timers.push(setInterval(() => this.#tick(), 500), setInterval(() => void this.#look(), LOOK_MS));
    this.#on(document, "visibilitychange", () => this.#wish());
    this.#on(window, "online", () => this.#nudge());
    const network = (navigator as { connection?: EventTarget }).connection;
    if (network) this.#on(network, "change", () => this.#nudge());
    this.#stops.push(screen.start());
    this.#subMender.begin();
    if (!this.listener) this.#pubMender.begin();
    void this.#send();
    void this.readChat(null);
    if (this.line.now.resumed && !media.micOn) this.tell(this.m.welcomeBack, true);
    else if (this.listener) this.tell(this.m.listenerOnly, true);
    void this.line.ask("saver", { mode: this.visit.saver, listen: false }, ASK_MS).catch(() => undefined);
  }

  close(): void {
    this.#closed = true;
    this.#timers.forEach(clearInterval);
    this.#stops.forEach((stop) => stop());
    this.#pubMender.close();
    this.#subMender.close();
    this.#publisher.close();
    this.#subscriber.close();
    this.#viewer.close();
    this.line.media = () => Promise.resolve(null);
    this.screenShare?.stop();
    const { media } = this.visit;
    media.changed = () => undefined;
    media.happened = () => undefined;
    media.replaced = () => undefined;
    media.heard = () => undefined;
  }

  /** The line's news. */
  follow(next: Standing, before: Standing | null): void {
    const old = this.state;
    if (next.state) this.state = next.state;
    this.backstage = next.backstage;
    this.me = next.me;
    if (next.role && next.role !== this.role) this.#become(next.role, before === null);
    if (before && next.live !== before.live) {
      this.#pubMender.line(next.live);
      this.#subMender.line(next.live);
      if (next.live && before.silent) this.#mend();
    }
    // Back on a new road: say again what a server that forgot would not know, and read what was written meanwhile.
    if (before && next.phase === "seated" && next.live && !before.live) {
      void this.#send();
      this.#viewer.again();
      void this.readChat(null);
    }
    if (old && this.state && old !== this.state) this.#compare(old, this.state);
    this.#wish();
  }

  /** What else the server says. */
  hear(event: string, body: unknown): void {
    switch (event) {
      case "assigned":
        this.slots = settle(this.slots, body as AssignedSlot);
        return;
      case "layers": {
        const { mid, rids } = body as ActiveLayers;
        this.#publisher.watch(mid, rids);
        return;
      }
      case "path": {
        const { side, state, echo } = body as PathChanged;
        if (state === "closed" && !echo) this.#gone(side);
        return;
      }
      case "remake":
        this.#gone("pub");
        this.#gone("sub");
        return;
      case "quality":
        this.quality = body as PathQuality;
        this.#save();
        return;
      case "asked":
        this.asked = (body as Asked).what;
        return;
      case "chat":
        this.#said(body as ChatLine);
        return;
    }
  }

  // -- what the person does --

  async act<E extends keyof Deeds>(event: E, body: Deeds[E]): Promise<boolean> {
    const problem = await act(this.line, event, body);
    if (problem) this.trouble(problem);
    return problem === null;
  }

  setMic(on: boolean): void {
    if (on && this.asked) this.asked = null;
    this.mutedSpeaking = false;
    this.visit.media.setMic(on);
  }

  setCamera(on: boolean): void {
    this.visit.media.setCamera(on);
  }

  async share(): Promise<void> {
    if (this.screenShare) return this.unshare();
    if (!canShare) return this.tell(this.m.cannotShare, false);
    let stream: MediaStream;
    try {
      stream = await navigator.mediaDevices.getDisplayMedia({ video: { frameRate: { ideal: 15, max: 30 } }, audio: false });
    } catch {
      return this.tell(this.m.shareRefused, false);
    }
    const track = stream.getVideoTracks()[0];
    if (!track) return;
    track.contentHint = "detail";
    track.addEventListener("ended", () => void this.unshare());
    this.screenShare = track;
    try {
      await this.#publisher.set({ screen: track });
      await this.line.ask("sending", { mic: null, camera: null, screen: true }, ASK_MS);
    } catch (error) {
      this.trouble((error as { problem?: Problem }).problem ?? null);
      await this.unshare();
    }
  }

  async unshare(): Promise<void> {
    const track = this.screenShare;
    if (!track) return;
    this.screenShare = null;
    track.stop();
    void this.line.ask("sending", { mic: null, camera: null, screen: false }, ASK_MS).catch(() => undefined);
    await this.#publisher.set({ screen: null }).catch(() => undefined);
  }

  async say(text: string): Promise<boolean> {
    return text.trim() === "" ? false : this.act("say", { text: text.trim() });
  }

  /** Lines before a number, or the newest. */
  async readChat(before: number | null): Promise<void> {
    try {
      this.chat = chats.fill(this.chat, (await this.line.ask("chat.read", { before }, ASK_MS)) as ChatLines);
      if (this.reading) this.sawChat();
    } catch {
      // the next return to the line asks again
    }
  }

  sawChat(): void {
    this.chat = chats.read(this.chat);
  }

  openChat(open: boolean): void {
    this.reading = open;
    if (open) this.sawChat();
  }

  /** The tiles that are on the screen now. */
  looking(tiles: readonly Tile[]): void {
    this.#tiles = tiles;
    this.#wish();
  }

  setSoundOnly(on: boolean): void {
    this.soundOnly = on;
    this.#wish();
    void this.line.ask("saver", { mode: this.visit.saver, listen: on }, ASK_MS).catch(() => undefined);
  }

  saverChanged(): void {
    this.#save();
    void this.line.ask("saver", { mode: this.visit.saver, listen: this.soundOnly }, ASK_MS).catch(() => undefined);
  }

  pin(person: string | null): void {
    this.own = { ...this.own, pin: person, page: 0 };
  }

  show(person: string): void {
    this.about = person;
    this.sheet = "person";
  }

  tell(text: string, good: boolean): void {
    const number = ++this.#number;
    this.notices = [...this.notices.filter((notice) => notice.text !== text), { number, good, text }].slice(-3);
    setTimeout(() => (this.notices = this.notices.filter((notice) => notice.number !== number)), NOTICE_MS);
  }

  trouble(problem: Problem | null): void {
    if (problem) this.tell(this.visit.text(problem), false);
  }

  name(person: string): string {
    return this.state?.people[person]?.name ?? "";
  }

  // -- inside --

  #on(target: EventTarget, event: string, listener: () => void): void {
    target.addEventListener(event, listener);
    this.#stops.push(() => target.removeEventListener(event, listener));
  }

  async #publish(): Promise<void> {
    const { media } = this.visit;
    void this.#publisher.set({ mic: media.mic, camera: media.cameraOn ? media.camera : null, screen: this.screenShare }).catch(() => undefined);
    await this.#publisher.renew();
    this.#save();
    await this.#send();
  }

  async #receive(): Promise<void> {
    await this.#subscriber.renew();
    this.#viewer.again();
  }

  #pubChanged(whole: boolean): void {
    if (whole && !this.pubWhole && this.#uplink.anew()) {
      this.resting = false;
      this.#save();
    }
    this.pubWhole = whole;
  }

  #subChanged(whole: boolean): void {
    this.subWhole = whole;
  }

  #gone(side: "pub" | "sub"): void {
    if (side === "sub") this.#subMender.begin();
    else if (!this.listener) this.#pubMender.begin();
  }

  #nudge(): void {
    this.line.probe();
    this.#mend();
  }

  #mend(): void {
    this.#subMender.nudge();
    if (!this.listener) this.#pubMender.nudge();
  }

  #slot(slot: string, track: MediaStreamTrack): void {
    if (slot.startsWith("a")) this.visit.ears.hear(Number(slot.slice(1)), track);
    else this.tracks = new Map(this.tracks).set(slot, track);
  }

  async #changed(source: "mic" | "camera"): Promise<void> {
    const { media } = this.visit;
    if (this.#closed || this.listener) return;
    this.#switched = performance.now();
    await this.#publisher.set(source === "mic" ? { mic: media.mic } : { camera: media.cameraOn ? media.camera : null }).catch(() => this.#pubMender.hear("failed"));
    await this.#send();
  }

  /** Tells the switches as they are. */
  async #send(): Promise<void> {
    if (this.listener || !this.line.now.live) return;
    try {
      await this.line.ask("sending", { mic: this.speaks, camera: this.shows, screen: this.screenShare !== null }, ASK_MS);
    } catch (error) {
      const problem = (error as { problem?: Problem }).problem;
      if (problem?.code === "forbidden" && this.visit.media.micOn) {
        this.trouble(problem);
        this.visit.media.setMic(false);
      }
    }
  }

  #thrift(): Thrift {
    return thriftOf(this.quality?.rung ?? 0, this.visit.saver, this.rests);
  }

  #save(): void {
    this.#publisher.save(this.#thrift());
  }

  #wish(): void {
    if (!this.state || this.#closed) return;
    const looking = { visible: document.visibilityState === "visible", listen: this.soundOnly, density: window.devicePixelRatio };
    this.#viewer.wish(wishOf(this.#tiles, this.state, this.me, looking));
  }

  async #look(): Promise<void> {
    if (!this.pubWhole || (!this.shows && !this.resting)) return;
    const found = await this.#publisher.uplink().catch(() => null);
    if (!found || this.#closed || !this.#uplink.look(found)) return;
    this.resting = this.#uplink.resting;
    this.#save();
  }

  #tick(): void {
    this.clock = this.line.clock.local;
    const whole = this.line.now.live && this.subWhole && (this.pubWhole || this.listener);
    if (whole) {
      if (this.cut) this.tell(this.m.back, true);
      this.brokenSince = null;
    } else this.brokenSince ??= this.clock;
  }

  #heard(level: number): void {
    const muted = !this.listener && !this.speaks && !this.person?.in_room;
    if (!this.#speaks.hear(level, muted, performance.now())) return;
    this.mutedSpeaking = true;
    clearTimeout(this.#mutedWord);
    this.#mutedWord = setTimeout(() => (this.mutedSpeaking = false), MUTED_WORD_MS);
  }

  #devices(news: Happened[]): void {
    const { m } = this.visit;
    for (const one of news) {
      if (one.what === "gone" && one.used) this.tell(m.deviceGone(one.label), false);
      else if (one.what === "came" && one.kind !== "audiooutput") this.tell(m.deviceCame(one.label), true);
    }
  }

  #said(line: ChatLine): void {
    this.chat = chats.add(this.chat, line, this.me, this.reading);
    if (line.person !== this.me) this.announced = `${this.m.wrote(line.name)}: ${line.text}`;
  }

  #become(role: SeatRole, first: boolean): void {
    const before = this.role;
    this.role = role;
    if (first) return;
    if (role === "listener") {
      this.visit.media.setMic(false);
      this.visit.media.setCamera(false);
      void this.unshare();
      this.tell(this.m.demoted, false);
    } else if (before === "listener") {
      this.tell(this.m.promoted, true);
      this.#pubMender.begin();
      void this.visit.media.begin();
    } else this.tell(this.m.role(this.m.roles[role]), true);
  }

  /** What others did to us, and who came and went, in words. */
  #compare(old: MeetingState, now: MeetingState): void {
    const was = old.people[this.me];
    const is = now.people[this.me];
    if (is?.muted_by === "host" && was?.muted_by !== "host" && this.visit.media.micOn) {
      this.visit.media.micOn = false;
      if (this.visit.media.mic) this.visit.media.mic.enabled = false;
      this.tell(this.m.hostMuted, false);
    }
    // The host stopped our picture: its line is still there, only the switch moved.
    const stopped = (source: "camera" | "screen"): boolean => was?.[source] === true && is?.[source] === false && is.tracks[source] !== undefined && was.tracks[source] === is.tracks[source];
    if (performance.now() - this.#switched > ECHO_MS) {
      if (stopped("camera") && this.shows) this.visit.media.setCamera(false);
      if (stopped("screen") && this.screenShare) void this.unshare();
    }
    if (this.asked === "roll" && now.roll?.current !== is?.agency) this.asked = null;
    const came = Object.values(now.people).find((person) => !old.people[person.id] && person.id !== this.me);
    const left = Object.values(old.people).find((person) => !now.people[person.id] && person.id !== this.me);
    if (came) this.announced = this.m.joinedSay(came.name);
    else if (left) this.announced = this.m.leftSay(left.name);
  }
}
