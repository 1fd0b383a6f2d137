/** Where a page keeps a few words; a browser may forbid it, and then nothing is kept. */
export interface Memory {
  get(key: string): string | null;
  set(key: string, value: string): void;
  drop(key: string): void;
  keys(): readonly string[];
}

/** Asks the server; throws what `refusalOf` understands, or an Error when there is no road or no answer. */
export type Ask = (event: string, body: unknown, timeoutMs: number) => Promise<unknown>;
