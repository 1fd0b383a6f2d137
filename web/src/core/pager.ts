import type { Api, Reply } from "./api";
import type { History, HistoryEntry, Problem } from "../protocol/messages";
import { NO_ANSWER } from "./problems";

/** What a page knows of a room's history so far. */
export interface Read {
  entries: readonly HistoryEntry[];
  older: string | null;
  problem: Problem | null;
  /** The first answer is not there yet. */
  loading: boolean;
}

/** Reads a room's history page by page; an answer to a question that was changed meanwhile is dropped. */
export class Pager {
  #read: Read = { entries: [], older: null, problem: null, loading: true };
  #asked = 0;
  #query: Record<string, string> = {};

  constructor(
    private readonly api: Pick<Api, "history">,
    private readonly room: string,
    private readonly changed: (read: Read) => void,
  ) {}

  /** Begins anew with these filters. */
  async ask(query: Record<string, string>): Promise<void> {
    this.#query = query;
    await this.#fetch("");
  }

  /** Goes on into the past. */
  async more(): Promise<void> {
    if (this.#read.older) await this.#fetch(this.#read.older);
  }

  async #fetch(before: string): Promise<void> {
    const number = ++this.#asked;
    const reply: Reply<History> = await this.api.history(this.room, before === "" ? this.#query : { ...this.#query, before });
    if (number !== this.#asked) return;
    if ("ok" in reply) this.#tell({ entries: before === "" ? reply.ok.entries : [...this.#read.entries, ...reply.ok.entries], older: reply.ok.older, problem: null, loading: false });
    else this.#tell({ ...this.#read, problem: reply.problem ?? NO_ANSWER, loading: false });
  }

  #tell(read: Read): void {
    this.#read = read;
    this.changed(read);
  }
}
