import type { Listener, Transport } from "../src/core/transport";
import type { Change, Member, Problem, RoomState, Value } from "../src/protocol/messages";
import { keyed, members } from "./room";

const LATENCY_MS = 30;

/** A canned room that reacts, in the page itself: for stories and for looking at states a real room shows rarely. */
export class StoryTransport implements Transport {
  #listener: Listener | null = null;
  #open = false;

  constructor(private state: RoomState) {}

  open(listener: Listener): void {
    this.#listener = listener;
    setTimeout(() => this.reconnect(), LATENCY_MS);
  }

  close(): void {
    this.#open = false;
  }

  renew(): void {
    this.#listener?.closed();
  }

  /** Pulls the cable. */
  cut(): void {
    this.#open = false;
    this.#listener?.closed();
  }

  reconnect(): void {
    this.#open = true;
    this.#listener?.opened();
  }

  /** Changes places of the room as the server would. */
  patch(...changes: Change[]): void {
    this.state = { ...this.state, version: this.state.version + 1 };
    if (this.#open) this.#listener?.received("patch", { room: this.state.room, version: this.state.version, since: null, time: Date.now() / 1000, changes });
  }

  async ask(event: string, body: unknown): Promise<unknown> {
    if (!this.#open) throw new Error("not connected");
    await pause(LATENCY_MS);
    if (event === "watch") return { protocol: 1, build: "", time: Date.now() / 1000, snapshot: this.state, patches: [] };
    if (event === "time") return { time: Date.now() / 1000 };
    return this.#press(event, body as Record<string, never> & { id: string });
  }

  async #press(event: string, body: Record<string, unknown> & { id: string }): Promise<unknown> {
    const ok = { id: body.id, run: null as string | null, attached: false, value: null as Value };
    if (event === "apply" || event === "retry") {
      ok.run = `run-${Date.now()}`;
      void this.#run(String(body["scene"]), ok.run);
    } else if (event === "set") {
      await pause(400);
      if (body["value"] === 4) return { ok: null, problem: refusal(String(body["device"])) };
      this.patch({ path: ["devices", String(body["device"]), "properties", String(body["property"])], value: { value: body["value"], at: Date.now() / 1000, source: "query", fresh: true, moved: null } });
    } else if (event === "undo") this.patch({ path: ["undo"], value: null });
    else if (event === "dismiss") this.patch({ path: ["unfinished"], value: null });
    return { ok, problem: null };
  }

  async #run(scene: string, id: string): Promise<void> {
    const list = members("sending");
    const show = (light: string, done: number): void => {
      const now: Member[] = list.map((member, index) => (index < done ? { ...member, state: "verified" } : member));
      const run = { id, scene, by: "Tablet ruang", started: Date.now() / 1000, ended: null, result: null, members: keyed(now) };
      this.patch({ path: ["scenes", scene, "run"], value: run }, { path: ["scenes", scene, "reached"], value: done }, { path: ["scenes", scene, "total"], value: list.length }, { path: ["scenes", scene, "light"], value: light });
    };
    for (let done = 0; done < list.length; done += 1) {
      show("sending", done);
      await pause(500);
    }
    show("active", list.length);
  }
}

function refusal(device: string): Problem {
  return { code: "busy", text: { id: "Alat sedang sibuk", en: "The device is busy" }, detail: "", fix: { id: "Tunggu sebentar, lalu ulangi", en: "Wait a moment, then try again" }, device, property: null };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
