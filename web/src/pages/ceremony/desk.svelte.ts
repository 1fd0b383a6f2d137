import { Api, type Reply } from "../../core/api";
import { fetchInk } from "../../core/ceremony/fetch";
import { Stage } from "../../core/ceremony/stage";
import type { Link } from "../../core/connection";
import { pressId } from "../../core/press-id";
import { NO_ANSWER, NOT_CONNECTED } from "../../core/problems";
import { SocketTransport } from "../../core/socket";
import type { Ceremony, CeremonyAnswer, CeremonyState, CeremonySummary, CeremonyTemplate, DocumentText, EmblemKept, JournalReport, Me, Photo, Problem, RoomSummary } from "../../protocol/messages";
import { page } from "../../ui/page.svelte";
import { words } from "./words";

const ANSWER_MS = 8000;

export type View = "text" | "stage" | "document";

/** The operator's one live object: what stands on the stage, what is kept, and what was asked. */
export class Desk {
  readonly api = new Api();
  me = $state.raw<Me | null>(null);
  room = $state("");
  roomName = $state("");
  link = $state<Link>("connecting");
  told = $state.raw<CeremonyState | null>(null);
  list = $state.raw<CeremonySummary[]>([]);
  templates = $state.raw<CeremonyTemplate[]>([]);
  problem = $state.raw<Problem | null>(null);
  /** Nobody is signed in who may see this. */
  refused = $state(false);
  view = $state<View>("text");
  now = $state(0);
  stage: Stage | null = null;
  #seen = "";
  #wishes = $state(0);

  readonly w = $derived(words[page.lang]);
  readonly ceremony = $derived<Ceremony | null>(this.told?.ceremony ?? null);
  /** Something was asked and is not answered yet. */
  readonly busy = $derived(this.#wishes > 0);
  readonly may = $derived(new Set(this.me?.actions ?? []));
  /** A person, not a tablet: only persons confirm a text. */
  readonly person = $derived(this.me?.kind === "user");

  async start(): Promise<void> {
    const me = await this.api.me();
    if (!("ok" in me)) {
      if (me.status === 401) location.href = `/login?next=${location.pathname}`;
      else setTimeout(() => void this.start(), 2000);
      return;
    }
    this.me = me.ok;
    const rooms = await this.api.rooms();
    const known: RoomSummary[] = "ok" in rooms ? rooms.ok : [];
    const named = decodeURIComponent(location.pathname.split("/")[2] ?? "");
    const room = known.find((each) => each.id === named) ?? known[0];
    if (!room || !me.ok.actions.includes("ceremony.see")) {
      this.refused = true;
      return;
    }
    this.room = room.id;
    this.roomName = page.lang === "en" && room.name.en ? room.name.en : room.name.id;
    this.stage = new Stage(new SocketTransport("/ceremony"), this.room, __BUILD__, fetchInk, {
      changed: (now) => {
        this.link = now.link;
        this.told = now.state;
        this.#moved();
      },
    });
    this.stage.start();
    setInterval(() => (this.now = this.stage?.connection.clock.now() ?? 0), 250);
    await this.refresh();
  }

  /** The list and the templates, as they are now. */
  async refresh(): Promise<void> {
    const list = await this.api.call<CeremonySummary[]>("GET", this.path(""));
    if ("ok" in list) this.list = list.ok;
    if (!this.may.has("ceremony.prepare")) return;
    const templates = await this.api.call<CeremonyTemplate[]>("GET", `/api/v1/rooms/${this.room}/ceremony-templates`);
    if ("ok" in templates) this.templates = templates.ok;
  }

  path(rest: string, ceremony = ""): string {
    return `/api/v1/rooms/${encodeURIComponent(this.room)}/ceremonies${ceremony ? `/${ceremony}` : ""}${rest}`;
  }

  /** One wish of the operator's: what was refused before has been read, what is refused from here on stays until the next one. Wishes overlap: none hides another's refusal. */
  async #wish<T>(work: () => Promise<T>): Promise<T> {
    this.problem = null;
    this.#wishes += 1;
    try {
      return await work();
    } finally {
      this.#wishes -= 1;
    }
  }

  async #ask<T>(method: string, path: string, body?: unknown): Promise<T | null> {
    const reply: Reply<T> = await this.api.call<T>(method, path, body);
    if ("ok" in reply) return reply.ok;
    this.problem = reply.problem ?? NO_ANSWER;
    return null;
  }

  /** One call to the server; its problem is shown, its answer returned. */
  call<T>(method: string, path: string, body?: unknown): Promise<T | null> {
    return this.#wish(() => this.#ask<T>(method, path, body));
  }

  async create(rehearsal: boolean, template: string | null, replaces: string | null = null): Promise<void> {
    const made = await this.call<Ceremony>("POST", this.path(""), { rehearsal, template, replaces });
    if (made) {
      this.view = "text";
      await this.refresh();
    }
  }

  async bring(ceremony: string): Promise<void> {
    if (await this.call<Ceremony>("POST", this.path("/stage", ceremony), {})) await this.refresh();
  }

  /** Keeps a text that was written over this revision; refused when somebody else has saved since. */
  async save(text: DocumentText, revision: number): Promise<Ceremony | null> {
    return this.call<Ceremony>("PUT", this.path("/text", this.ceremony?.id), { text, revision });
  }

  async confirm(wish: "freeze" | "thaw", account?: string, password?: string): Promise<boolean> {
    const ceremony = this.ceremony;
    if (!ceremony) return false;
    const body = { wish, digest: ceremony.digest, ...(account && { account, password }) };
    const done = await this.call<Ceremony>("POST", this.path("/confirm", ceremony.id), body);
    return done !== null;
  }

  async emblem(file: Blob): Promise<EmblemKept | null> {
    return this.call<EmblemKept>("POST", `/api/v1/rooms/${this.room}/emblems`, file);
  }

  async photo(file: Blob): Promise<Photo | null> {
    return this.call<Photo>("POST", this.path("/photo", this.ceremony?.id), file);
  }

  async journal(): Promise<JournalReport | null> {
    return this.call<JournalReport>("GET", this.path("/journal", this.ceremony?.id));
  }

  /** Puts a face of the ceremony on every wall of the room that has a screen. */
  async show(face: string): Promise<void> {
    await this.#wish(async () => {
      const room = await this.#ask<{ devices: Record<string, { id: string; kind: string; link: string }> }>("GET", `/api/v1/rooms/${this.room}`);
      const walls = Object.values(room?.devices ?? {}).filter((device) => device.kind === "wall" && device.link === "ready");
      if (room && walls.length === 0) {
        this.problem = { code: "not_found", text: { id: this.w.noWall, en: this.w.noWall }, detail: "", fix: null, device: null, property: null };
      }
      const content = JSON.stringify({ kind: "ceremony", ...(face !== "plaque" && { face }) });
      await Promise.all(walls.map((wall) => this.#ask("PUT", `/api/v1/rooms/${this.room}/devices/${wall.id}/properties/content`, { value: content })));
    });
  }

  press(event: string, body: Record<string, unknown> = {}): Promise<CeremonyAnswer | null> {
    return this.#wish(async () => {
      const [road, ceremony] = [this.stage?.connection, this.ceremony];
      if (!road?.ready || !ceremony) {
        this.problem = NOT_CONNECTED;
        return null;
      }
      try {
        const answer = (await road.ask(event, { id: pressId(), at: road.clock.now(), room: this.room, ceremony: ceremony.id, ...body }, ANSWER_MS)) as CeremonyAnswer;
        if (!answer.problem) return answer;
        this.problem = answer.problem;
      } catch {
        this.problem = NO_ANSWER;
      }
      return null;
    });
  }

  /** Another ceremony, or another stage of it: the view that is needed now comes by itself, once. */
  #moved(): void {
    const ceremony = this.ceremony;
    const key = ceremony ? `${ceremony.id} ${ceremony.stage}` : "";
    if (key === this.#seen) return;
    this.#seen = key;
    if (ceremony) this.view = ceremony.stage === "draft" ? "text" : ceremony.stage === "ended" || ceremony.stage === "void" ? "document" : "stage";
    if (this.room) void this.refresh();
  }
}
