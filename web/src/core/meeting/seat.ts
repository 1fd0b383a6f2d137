import type { Memory } from "./ports";

/** A seat is worth coming back to for this long: a telephone call, a lunch. The server may have given it up earlier, and says so. */
const LIFE_S = 7200;
const PREFIX = "smartroom.seat.";

/** What brings a page back as the same person. */
export interface Kept {
  secret: string;
  name: string;
  agency: string | null;
  office: string;
  /** Unix seconds at which it was last used. */
  at: number;
}

/** The seats of this browser, by the link's code. One in the tab's own memory goes before one that another tab may be using. */
export class Seats {
  constructor(
    private readonly tab: Memory,
    private readonly browser: Memory,
    private readonly now: () => number = () => Date.now() / 1000,
  ) {}

  /** The seat this tab sat in before it was loaded anew. */
  own(code: string): Kept | null {
    return this.#read(this.tab, code);
  }

  /** The seat that a tab of this browser had. */
  last(code: string): Kept | null {
    return this.#read(this.browser, code);
  }

  keep(code: string, seat: Omit<Kept, "at">): void {
    const text = JSON.stringify({ ...seat, at: this.now() });
    this.tab.set(PREFIX + code, text);
    this.browser.set(PREFIX + code, text);
  }

  /** The seat is given up, or gone. Another tab's newer seat stays. */
  drop(code: string): void {
    const own = this.own(code);
    this.tab.drop(PREFIX + code);
    if (own === null || this.last(code)?.secret === own.secret) this.browser.drop(PREFIX + code);
  }

  /** This tab's seat is used by another one now. */
  leave(code: string): void {
    this.tab.drop(PREFIX + code);
  }

  /** Forgets what is too old to be worth anything. */
  tidy(): void {
    for (const memory of [this.tab, this.browser]) {
      for (const key of memory.keys()) if (key.startsWith(PREFIX)) this.#read(memory, key.slice(PREFIX.length));
    }
  }

  #read(memory: Memory, code: string): Kept | null {
    try {
      const kept = JSON.parse(memory.get(PREFIX + code) ?? "null") as Partial<Kept> | null;
      if (kept && typeof kept.secret === "string" && typeof kept.at === "number" && this.now() - kept.at < LIFE_S) {
        return { secret: kept.secret, name: kept.name ?? "", agency: kept.agency ?? null, office: kept.office ?? "", at: kept.at };
      }
    } catch {
      // somebody else's words
    }
    memory.drop(PREFIX + code);
    return null;
  }
}
