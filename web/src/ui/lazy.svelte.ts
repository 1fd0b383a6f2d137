import type { Component } from "svelte";

/** What takes longer is told as failed; it may still arrive, and is shown then. */
const PATIENCE_MS = 8000;

/** A component with a script of its own: fetched when the page is idle or when it is first wanted, kept from then on. */
export class Part<P extends object> {
  component = $state.raw<Component<P> | null>(null);
  failed = $state(false);
  readonly #fetch: () => Promise<{ default: Component<P> }>;
  #coming: Promise<void> | null = null;

  constructor(fetch: () => Promise<{ default: Component<P> }>) {
    this.#fetch = fetch;
  }

  /** Fetches it, once; a failure is forgotten at the next call. */
  load(): Promise<void> {
    this.#coming ??= this.#load();
    return this.#coming;
  }

  /** After a failure. Some browsers never ask twice for a script that did not come: then a reload helps, if there is a server to reload from. */
  async again(): Promise<void> {
    await this.load();
    if (!this.failed) return;
    const there = await fetch(location.href, { method: "HEAD", cache: "no-store" }).then((reply) => reply.ok, () => false);
    if (there) location.reload();
  }

  async #load(): Promise<void> {
    this.failed = false;
    const late = setTimeout(() => (this.failed = this.component === null), PATIENCE_MS);
    try {
      this.component = (await this.#fetch()).default;
    } catch {
      this.#coming = null;
    }
    clearTimeout(late);
    this.failed = this.component === null;
  }
}

/** Fetches parts one after another while nothing else is to be done, so that they open at once, and without a server too. */
export function prefetch(parts: readonly Part<never>[]): void {
  const [first, ...rest] = parts;
  if (!first) return;
  const next = (): void => void first.load().then(() => prefetch(rest));
  // Safari has no idle callback.
  if (typeof requestIdleCallback === "function") requestIdleCallback(next, { timeout: 2000 });
  else setTimeout(next, 200);
}
