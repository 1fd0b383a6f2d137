/** Which way in an address means. */
export type Way = { kind: "login"; next: string } | { kind: "setup" } | { kind: "pair"; code: string };

/** `/login?next=`, `/setup`, `/pair/<code>`. `next` stays on this server. */
export function wayOf(path: string, query: string): Way {
  if (path === "/setup") return { kind: "setup" };
  const pair = /^\/pair(?:\/([^/]*))?$/.exec(path);
  if (pair) return { kind: "pair", code: decodeURIComponent(pair[1] ?? "") };
  return { kind: "login", next: inside(new URLSearchParams(query).get("next")) };
}

/** Only a path of this server: `//elsewhere` and `/\elsewhere` are other servers to a browser. */
function inside(next: string | null): string {
  return next !== null && /^\/(?![/\\])[^\\]*$/.test(next) && !next.startsWith("/login") ? next : "/";
}
