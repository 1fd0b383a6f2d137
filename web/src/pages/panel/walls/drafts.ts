const KEY = (room: string, kind: string): string => `smartroom.wall.draft.${room}.${kind}`;

/** What was being written of a kind, on this tablet; null when nothing was, or it no longer fits the form. */
export function draftOf(room: string, kind: string, empty: object): object | null {
  try {
    const found: unknown = JSON.parse(localStorage.getItem(KEY(room, kind)) ?? "null");
    const fits = typeof found === "object" && found !== null && Object.entries(empty).every(([name, value]) => typeof (found as Record<string, unknown>)[name] === typeof value);
    return fits ? found : null;
  } catch {
    return null;
  }
}

/** Nothing that was typed is lost with the sheet. A browser that forbids storage forgets it. */
export function keepDraft(room: string, kind: string, draft: object): void {
  try {
    localStorage.setItem(KEY(room, kind), JSON.stringify(draft));
  } catch {
    // it holds while the page is open
  }
}
