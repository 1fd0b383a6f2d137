import type { Change, Patch, RoomState } from "../protocol/messages";
import type { Listener, Transport } from "./transport";

/** A room with nothing in it, for tests. */
export function emptyRoom(part: Partial<RoomState> = {}): RoomState {
  return {
    room: "r",
    name: { id: "Ruang", en: "Room" },
    place: null,
    version: 1,
    time: 0,
    timezone: "WIB",
    simulated: false,
    devices: {},
    sources: {},
    outputs: {},
    scenes: {},
    rundowns: {},
    cameras: [],
    volume: null,
    mute: null,
    last_action: null,
    undo: null,
    undoing: null,
    unfinished: null,
    meeting: null,
    planned: [],
    problem: null,
    rehearsal: null,
    ...part,
  };
}

/** A patch from the version before. */
export function patchTo(version: number, ...changes: Change[]): Patch {
  return { room: "r", version, since: null, time: version, changes };
}

export interface Asked {
  event: string;
  body: Record<string, unknown>;
  answer: (reply: unknown) => void;
  fail: () => void;
}

/** A road whose other end is the test: it sees every question and answers when it likes. */
export class TestTransport implements Transport {
  readonly asked: Asked[] = [];
  listener: Listener | undefined;
  renewed = 0;
  #open = false;

  open(listener: Listener): void {
    this.listener = listener;
  }

  close(): void {
    this.#open = false;
  }

  renew(): void {
    this.renewed += 1;
    this.drop();
  }

  ask(event: string, body: unknown, timeoutMs: number): Promise<unknown> {
    if (!this.#open) return Promise.reject(new Error("not connected"));
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(new Error("timeout")), timeoutMs);
      const done = (): void => clearTimeout(late);
      this.asked.push({
        event,
        body: body as Record<string, unknown>,
        answer: (reply) => (done(), resolve(reply)),
        fail: () => (done(), reject(new Error("failed"))),
      });
    });
  }

  connect(): void {
    this.#open = true;
    this.listener?.opened();
  }

  drop(): void {
    this.#open = false;
    this.listener?.closed();
  }

  /** The last unanswered question of a kind. */
  last(event: string): Asked {
    const found = this.asked.filter((item) => item.event === event).pop();
    if (!found) throw new Error(`nobody asked ${event}`);
    return found;
  }
}
