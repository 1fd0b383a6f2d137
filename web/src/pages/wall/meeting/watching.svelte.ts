import { MeetingLine } from "../../../core/meeting/line";
import { Mender } from "../../../core/meeting/mender";
import { EMPTY, settle, slotOf, type Slotting } from "../../../core/meeting/slots";
import type { Tile } from "../../../core/meeting/stage";
import { Subscriber } from "../../../core/meeting/subscriber";
import { Viewer, wishOf } from "../../../core/meeting/view";
import { SocketTransport } from "../../../core/socket";
import type { AssignedSlot, MeetingState, PathChanged } from "../../../protocol/messages";
import type { Place } from "../kinds";

/** Nobody is told when a meeting begins before he has a seat in it: a wall asks again. */
const KNOCK_MS = 2000;
const ASK_MS = 5000;

/** A wall's seat in the meeting of its room: sees, is seen by nobody, asks for what it shows and nothing else. Ends with `close()`. */
export class Watching {
  state = $state.raw<MeetingState | null>(null);
  slots = $state.raw<Slotting>(EMPTY);
  tracks = $state.raw<ReadonlyMap<string, MediaStreamTrack>>(new Map());
  /** The server has said whether there is a meeting. */
  known = $state(false);

  readonly #line: MeetingLine;
  readonly #subscriber: Subscriber;
  readonly #mender: Mender;
  readonly #viewer: Viewer;
  readonly #place: Place;
  #seated = false;
  #again: ReturnType<typeof setTimeout> | undefined;
  #tiles: readonly Tile[] = [];

  constructor(place: Place) {
    this.#place = place;
    this.#line = new MeetingLine(new SocketTransport("/meeting"), __BUILD__, () => this.#follow(), (event, body) => this.#hear(event, body), place.clock);
    this.#subscriber = new Subscriber(
      {
        connect: () => {
          this.slots = EMPTY;
          return new RTCPeerConnection({ iceServers: this.#line.now.iceServers.map(({ url, username, credential }) => ({ urls: url, username, credential })) });
        },
        ask: this.#line.ask,
        changed: (state) => this.#mender.hear(state),
        slot: (slot, track) => (this.tracks = new Map(this.tracks).set(slot, track)),
      },
      () => this.#line.now.slots,
    );
    this.#mender = new Mender({ restart: () => this.#subscriber.restart(), renew: () => this.#renew() }, () => undefined);
    this.#viewer = new Viewer((wish) => void this.#line.ask("view", wish, ASK_MS).catch(() => undefined));
    this.#line.start();
    void this.#knock();
  }

  close(): void {
    clearTimeout(this.#again);
    if (this.#seated) void this.#line.ask("quit", { id: crypto.randomUUID(), at: this.#line.clock.now() }, ASK_MS).catch(() => undefined);
    this.#mender.close();
    this.#subscriber.close();
    this.#viewer.close();
    this.#line.close();
  }

  /** What stands on the glass now. */
  show(tiles: readonly Tile[], scale: number): void {
    this.#tiles = tiles;
    if (this.state && this.#seated) this.#viewer.wish(wishOf(tiles, this.state, "", { visible: true, listen: false, density: scale }));
  }

  /** The picture of a person's source, when there is one. */
  picture(track: string | undefined): { track: MediaStreamTrack; turn: number } | null {
    const slot = slotOf(this.slots, track);
    const found = slot && slot.reason === "" ? this.tracks.get(slot.slot) : undefined;
    return slot && found ? { track: found, turn: slot.turn } : null;
  }

  #knock(): Promise<void> {
    const { room, name } = this.#place;
    return this.#line.join({ meeting: null, room, name: name || "Layar", agency: null, office: "", device: "wall", listen_only: true, pin: null, room_code: null }, this.#line.now.seat);
  }

  #follow(): void {
    const { phase, state, live } = this.#line.now;
    if (phase === "seated") {
      this.state = state;
      this.known = true;
      if (!this.#seated) this.#mender.begin();
      this.#seated = true;
    } else if (phase === "door" || phase === "ended") {
      // No meeting, or it is over: look for the next one.
      this.#seated = false;
      this.state = null;
      this.known = true;
      this.slots = EMPTY;
      clearTimeout(this.#again);
      this.#again = setTimeout(() => void this.#knock(), KNOCK_MS);
    }
    this.#mender.line(live);
  }

  async #renew(): Promise<void> {
    await this.#subscriber.renew();
    this.#viewer.again();
    this.show(this.#tiles, 1);
  }

  #hear(event: string, body: unknown): void {
    if (event === "assigned") this.slots = settle(this.slots, body as AssignedSlot);
    else if (event === "remake" || (event === "path" && (body as PathChanged).state === "closed")) this.#mender.hear("gone");
  }
}
