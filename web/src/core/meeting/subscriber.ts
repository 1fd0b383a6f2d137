import type { Slots, SubOffer } from "../../protocol/messages";
import type { Ask } from "./ports";

const ANSWER_MS = 8000;

export interface SubscriberPorts {
  connect: () => RTCPeerConnection;
  ask: Ask;
  changed: (state: RTCPeerConnectionState) => void;
  /** A slot's track is there. It stays for the life of the connection, whatever it shows. */
  slot: (slot: string, track: MediaStreamTrack) => void;
}

/** What one person receives: constant slots over one connection at a time. The server offers, we answer. */
export class Subscriber {
  #pc: RTCPeerConnection | null = null;
  #turn: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(
    private readonly ports: SubscriberPorts,
    private readonly slots: () => Slots,
    private readonly echo = false,
  ) {}

  get connection(): RTCPeerConnection | null {
    return this.#pc;
  }

  /** Makes the connection, or a new one in place of the old. */
  renew(): Promise<void> {
    return this.#next(() => this.#open());
  }

  /** New addresses over the same connection. */
  restart(): Promise<void> {
    return this.#next(() => (this.#pc === null ? this.#open() : this.#exchange(this.#pc, true, () => undefined)));
  }

  close(): void {
    this.#closed = true;
    this.#pc?.close();
    this.#pc = null;
  }

  #next(work: () => Promise<void>): Promise<void> {
    const turn = this.#turn.catch(() => undefined).then(() => (this.#closed ? undefined : work()));
    this.#turn = turn;
    return turn;
  }

  async #open(): Promise<void> {
    const pc = this.ports.connect();
    const old = this.#pc;
    this.#pc = pc;
    pc.addEventListener("connectionstatechange", () => this.#pc === pc && this.ports.changed(pc.connectionState));
    let named: Record<string, string> = {};
    const tracks: RTCTrackEvent[] = [];
    const deliver = (event: RTCTrackEvent): void => {
      const slot = named[event.transceiver.mid ?? ""];
      if (slot !== undefined && this.#pc === pc) this.ports.slot(slot, event.track);
    };
    pc.addEventListener("track", (event) => (Object.keys(named).length > 0 ? deliver(event) : tracks.push(event)));
    try {
      await this.#exchange(pc, false, (slots) => (named = slots));
    } finally {
      old?.close();
    }
    tracks.forEach(deliver);
  }

  async #exchange(pc: RTCPeerConnection, restart: boolean, named: (slots: Record<string, string>) => void): Promise<void> {
    const offer = (await this.ports.ask("sub.open", { slots: this.slots(), restart, echo: this.echo }, ANSWER_MS)) as SubOffer;
    if (this.#closed || this.#pc !== pc) return;
    named(offer.slots);
    await pc.setRemoteDescription({ type: "offer", sdp: offer.sdp });
    await pc.setLocalDescription(await pc.createAnswer());
    await this.ports.ask("sub.answer", { rev: offer.rev, sdp: pc.localDescription?.sdp ?? "", echo: this.echo }, ANSWER_MS);
  }
}
