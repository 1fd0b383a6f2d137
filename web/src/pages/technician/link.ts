import { PROTOCOL_VERSION } from "../../core/connection";
import type { Listener, Transport } from "../../core/transport";
import type { BenchOpened, DeviceFacts, DeviceHealth, HealthChanged, Logged, LogLine, Problem, Traced, TraceLine } from "../../protocol/messages";

const ANSWER_MS = 5000;
/** Lines kept on the page; older ones go. */
const KEPT = 1000;

/** What a technician's page knows of the lines. */
export interface Lines {
  live: boolean;
  facts: Record<string, DeviceFacts>;
  health: Record<string, DeviceHealth>;
  log: readonly LogLine[];
  /** Whose wire is followed. */
  device: string | null;
  trace: readonly TraceLine[];
  /** Lines of the followed wire that were dropped on the way. */
  missed: number;
  /** Property of the followed device -> server time of its last reading. */
  readAt: Record<string, number>;
  problem: Problem | null;
}

/** Follows the technician's namespace: health of all lines, the wire of one device, the log. */
export class BenchLink implements Listener {
  #now: Lines = { live: false, facts: {}, health: {}, log: [], device: null, trace: [], missed: 0, readAt: {}, problem: null };
  #wanted: string | null = null;

  constructor(
    private readonly transport: Transport,
    private readonly room: string,
    private readonly changed: (now: Lines) => void,
  ) {}

  start(): void {
    this.transport.open(this);
  }

  close(): void {
    this.transport.close();
  }

  /** Follows another device's wire; null ends it. */
  follow(device: string | null): void {
    this.#wanted = device;
    if (device !== this.#now.device) this.#set({ device, trace: [], missed: 0, readAt: {} });
    if (this.#now.live) void this.#follow();
  }

  /** Opens the bench anew: the room's file was saved, other devices are there. */
  renew(): void {
    if (this.#now.live) void this.#open();
  }

  /** Sends one message; throws when it was not answered in time or there is no road. */
  ask(event: string, body: unknown, timeoutMs: number): Promise<unknown> {
    return this.transport.ask(event, body, timeoutMs);
  }

  opened(): void {
    void this.#open();
  }

  closed(): void {
    this.#set({ live: false });
  }

  refused(problem: Problem): void {
    this.#set({ live: false, problem });
  }

  received(event: string, body: unknown): void {
    if (event === "health") this.#set({ health: { ...this.#now.health, ...(body as HealthChanged).health } });
    else if (event === "log") this.#set({ log: [...this.#now.log, ...(body as Logged).lines].slice(-KEPT) });
    else if (event === "trace") this.#take(body as Traced);
  }

  async #open(): Promise<void> {
    const answer = await this.#asked<BenchOpened>("open", { room: this.room, protocol: PROTOCOL_VERSION });
    if (!answer) return;
    const { facts, health } = answer.bench;
    this.#set({ live: true, facts, health, log: answer.log, problem: null });
    if (this.#wanted !== null) await this.#follow();
  }

  async #follow(): Promise<void> {
    const device = this.#wanted;
    if (device === null || !(device in this.#now.facts)) {
      await this.#asked("trace", { device: null });
      return;
    }
    const last = this.#now.trace[this.#now.trace.length - 1];
    const traced = await this.#asked<Traced>("trace", { device, since: last?.number ?? 0 });
    if (traced) this.#take(traced);
  }

  async #asked<T>(event: string, body: unknown): Promise<T | null> {
    try {
      const answer = (await this.transport.ask(event, body, ANSWER_MS)) as (T & { problem?: Problem | null }) | null;
      if (answer === null || typeof answer !== "object") return null;
      if (!answer.problem) return answer;
      this.#set({ problem: answer.problem });
    } catch {
      // the road broke; it is opened again, and this asked anew
    }
    return null;
  }

  #take(traced: Traced): void {
    if (traced.device !== this.#wanted) return;
    const last = this.#now.trace[this.#now.trace.length - 1]?.number ?? 0;
    // A server that was started again counts from one.
    const known = (traced.lines[0]?.number ?? last + 1) <= 1 && last > 1 ? [] : this.#now.trace;
    const fresh = known.length > 0 ? traced.lines.filter((line) => line.number > last) : traced.lines;
    this.#set({ trace: [...known, ...fresh].slice(-KEPT), missed: this.#now.missed + traced.missed, readAt: traced.read_at });
  }

  #set(part: Partial<Lines>): void {
    this.#now = { ...this.#now, ...part };
    this.changed(this.#now);
  }
}
