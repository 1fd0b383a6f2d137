import type { Patch } from "../protocol/messages";

/** A document that the server leads by numbered patches. */
export interface Versioned {
  version: number;
  time: number;
}

/** What a patch did to a state. */
export type Patched<S> = { state: S } | { gap: true } | { old: true };

/** Leads the document of this name to a patch's version; untouched parts keep their identity. A missing version in between is a gap: ask again. */
export function follow<S extends Versioned>(name: string, state: S, patch: Patch): Patched<S> {
  if (patch.room !== name || patch.version <= state.version) return { old: true };
  if ((patch.since ?? patch.version - 1) > state.version) return { gap: true };
  let next: unknown = state;
  for (const change of patch.changes) next = place(next, change.path, change.value, change.path.length > 1);
  return { state: { ...(next as S), version: patch.version, time: patch.time } };
}

/** A copy of `tree` with `value` at `path`; below the first level null takes the key away. */
function place(tree: unknown, path: readonly string[], value: unknown, removes: boolean): unknown {
  const [key, ...rest] = path;
  if (key === undefined) return value;
  const copy: Record<string, unknown> = { ...(tree as Record<string, unknown>) };
  if (rest.length > 0) copy[key] = place(copy[key] ?? {}, rest, value, removes);
  else if (value === null && removes) Reflect.deleteProperty(copy, key);
  else copy[key] = value;
  return copy;
}
