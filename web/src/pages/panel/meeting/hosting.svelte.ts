import { act, type Deeds } from "../../../core/meeting/acts";
import { HostLine, type Hosted } from "../../../core/meeting/hosting";
import { SocketTransport } from "../../../core/socket";
import type { BackstageState, Meeting, MeetingState, NewMeeting, Problem } from "../../../protocol/messages";
import { page } from "../../../ui/page.svelte";
import type { Session } from "../session.svelte";
import { type MeetingWords, meetingWords } from "./words";

/** What the tabs of a meeting need of whoever hosts: a panel, or a host's own meeting page. */
export interface Host {
  readonly w: MeetingWords;
  /** Server time, seconds. */
  readonly now: number;
  act<E extends keyof Deeds>(event: E, body: Deeds[E]): Promise<boolean>;
}

/** What a panel hosts: the room's meeting with its lobby, by a line of its own that lives as long as the panel. */
export class Hosting implements Host {
  hosted = $state.raw<Hosted>({ live: false, state: null, backstage: null, problem: null });
  readonly me = "";
  readonly #line: HostLine;
  #asked = "";

  constructor(readonly session: Session, room: string) {
    this.#line = new HostLine(new SocketTransport("/meeting"), room, (now) => (this.hosted = now));
    this.#line.start();
  }

  // Plain getters: what is derived belongs to the component that made it, and ends with it.
  get w(): MeetingWords {
    return meetingWords[page.lang];
  }

  get now(): number {
    return this.session.now;
  }

  get state(): MeetingState | null {
    return this.hosted.state;
  }

  get backstage(): BackstageState | null {
    return this.hosted.backstage;
  }

  /** The room says which meeting is open; one that is new here is looked at. */
  follow(meeting: string | null): void {
    const key = meeting ?? "";
    if (key === this.#asked) return;
    this.#asked = key;
    if (key !== "" && key !== this.state?.meeting) void this.#line.look();
  }

  /** One deed of the host; a refusal becomes a notice. */
  async act<E extends keyof Deeds>(event: E, body: Deeds[E]): Promise<boolean> {
    const problem = await act(this.#line, event, body);
    if (problem) this.session.tell("meeting", problem);
    return problem === null;
  }

  /** A new meeting, begun at once when `start`. */
  async plan(room: string, asked: Partial<NewMeeting>, start: boolean): Promise<Meeting | null> {
    const made = await this.#call<Meeting>("POST", `/api/v1/rooms/${encodeURIComponent(room)}/meetings`, asked);
    return made && start ? this.start(room, made.id) : made;
  }

  start(room: string, meeting: string): Promise<Meeting | null> {
    return this.#call("POST", `/api/v1/rooms/${encodeURIComponent(room)}/meetings/${meeting}/start`, {});
  }

  async forget(room: string, meeting: string): Promise<void> {
    await this.#call("DELETE", `/api/v1/rooms/${encodeURIComponent(room)}/meetings/${meeting}`);
  }

  async #call<T>(method: string, path: string, body?: unknown): Promise<T | null> {
    const reply = await this.session.api.call<T>(method, path, body);
    if ("ok" in reply) return reply.ok;
    if (reply.problem) this.session.tell("meeting", reply.problem);
    else this.session.tell("meeting", UNKNOWN);
    return null;
  }
}

const UNKNOWN: Problem = {
  code: "unreachable",
  text: { id: "Server ruang tidak menjawab", en: "The room's server does not answer" },
  detail: "",
  fix: null,
  device: null,
  property: null,
};

const known = new WeakMap<Session, Hosting>();

/** The panel's one line to its meeting, made when it is first needed. */
export function hosting(session: Session, room: string): Hosting {
  let found = known.get(session);
  if (!found) known.set(session, (found = new Hosting(session, room)));
  return found;
}
