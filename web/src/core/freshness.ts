/** Nobody has touched the page for this long: a reload disturbs nobody. */
export const IDLE_MS = 20_000;

/** Whether a page that is older than its server should reload itself now. */
export function shouldReload(page: {
  ownBuild: string;
  serverBuild: string;
  /** Build that this page was already reloaded for: a cache in between must not make it spin. */
  reloadedFor: string | null;
  untouchedMs: number;
  busy: boolean;
}): boolean {
  if (page.serverBuild === "" || page.ownBuild === "" || page.serverBuild === page.ownBuild) return false;
  return page.reloadedFor !== page.serverBuild && !page.busy && page.untouchedMs >= IDLE_MS;
}
