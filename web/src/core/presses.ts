import type { Accepted, Answer, Override, Problem, RecordedLine, RunCue, Text, Value } from "../protocol/messages";
import type { Connection } from "./connection";
import { pressId } from "./press-id";
import { LINK_BROKE, NO_ANSWER, NOT_CONNECTED, UNREADABLE } from "./problems";

/** Life of a press: the server refuses an older one, and so does the page. */
export const PRESS_LIFE_MS = 5000;
/** A hand's `set` is answered with the read-back, and a cold projector needs a minute for it. */
const READ_BACK_MS = 90_000;

export type Outcome = { ok: Accepted } | { problem: Problem };

/** Everything a page may ask of a room: event -> body beside id, time and room. */
export interface Asks {
  apply: { scene: string; plan?: string; override?: Override };
  retry: { scene: string; device: string | null; property: string | null };
  record: { scene: string; name: Text; icon: string; extends: string | null; lines: RecordedLine[] };
  cancel: { run: string };
  undo: { run: string | null };
  set: { device: string; property: string; value: Value };
  act: { device: string; action: string; arguments: Record<string, Value> };
  blank: { on: boolean };
  dismiss: Record<never, never>;
  cue: { rundown: string; do: RunCue["do"]; turn: number; cue: string | null; force: boolean };
}

/** Sends presses and remembers which are on their way. Nothing is ever queued: without a link a press is refused at once. */
export class Presses {
  #pending = new Map<string, number>();

  constructor(
    private readonly connection: Connection,
    private readonly room: string,
    private readonly changed: (pending: ReadonlySet<string>) => void,
    private readonly id: () => string = pressId,
  ) {}

  /** Sends one press. `key` names the control that shows it until it is answered. Never throws. */
  async send<E extends keyof Asks>(event: E, body: Asks[E], key: string): Promise<Outcome> {
    if (!this.connection.ready) return { problem: NOT_CONNECTED };
    const readsBack = event === "set" || event === "blank";
    const press = { id: this.id(), at: this.connection.clock.now(), room: this.room, ...body };
    this.#count(key, 1);
    try {
      return outcome(await this.connection.ask(event, press, readsBack ? READ_BACK_MS : PRESS_LIFE_MS));
    } catch {
      return { problem: this.connection.ready ? NO_ANSWER : LINK_BROKE };
    } finally {
      this.#count(key, -1);
    }
  }

  #count(key: string, by: number): void {
    const count = (this.#pending.get(key) ?? 0) + by;
    if (count > 0) this.#pending.set(key, count);
    else this.#pending.delete(key);
    this.changed(new Set(this.#pending.keys()));
  }
}

function outcome(reply: unknown): Outcome {
  const answer = reply as Partial<Answer> | null;
  if (answer?.ok) return { ok: answer.ok };
  if (answer?.problem) return { problem: answer.problem };
  return { problem: UNREADABLE };
}
