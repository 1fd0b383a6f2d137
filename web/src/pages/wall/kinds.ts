import type { Component } from "svelte";
import type { ServerClock } from "../../core/clock";

/** A content document as the server checked it. Each kind knows its own fields. */
export type Content = { kind: string } & Record<string, unknown>;

/** What every kind's component gets. */
export interface KindProps<C = Content> {
  content: C;
  /** The page that stands, and the one that will: both are to be ready. */
  page: number;
  upcoming: number;
  /** Where it stands. */
  place: Place;
  /** Something that must be there before the content may be shown: a picture. */
  hold: (ready: Promise<unknown>) => void;
  /** The content turned a page by itself. */
  turn: (page: number) => void;
  /** The content can no longer be shown; says why. */
  fail: (why: string) => void;
}

export interface Place {
  room: string;
  name: string;
  number: number;
  timezone: string;
  clock: ServerClock;
  /** Server time of the moment this content was switched on, seconds (Unix). */
  since: number;
}

/** One file for each kind, fetched when it is first shown: `welcome` is kinds/Welcome.svelte. */
const files = import.meta.glob<{ default: Component<KindProps> }>("./kinds/*.svelte");

const FETCH_MS = 8000;

/** The component of a kind; throws with a reason when there is none, or it cannot be loaded. */
export async function componentOf(kind: string): Promise<Component<KindProps>> {
  const name = kind.charAt(0).toUpperCase() + kind.slice(1);
  const load = files[`./kinds/${name}.svelte`];
  if (!load) throw new Error(`jenis tayangan '${kind}' tidak dikenal halaman ini`);
  return (await inTime(load(), FETCH_MS, `tampilan '${kind}' tidak termuat`)).default;
}

/** What a promise gives, or an error with a reason after so long. */
export async function inTime<T>(work: Promise<T>, ms: number, why: string): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => (timer = setTimeout(() => reject(new Error(why)), ms)));
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
