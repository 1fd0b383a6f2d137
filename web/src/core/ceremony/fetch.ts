import type { InkSoFar } from "../../protocol/messages";

const TIMEOUT_MS = 8000;

/** All ink of a ceremony beyond a batch; null when it cannot be had now. */
export async function fetchInk(room: string, ceremony: string, after: number): Promise<InkSoFar | null> {
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(), TIMEOUT_MS);
  try {
    const path = `/api/v1/rooms/${encodeURIComponent(room)}/ceremonies/${encodeURIComponent(ceremony)}/ink?after=${after}`;
    const answer = await fetch(path, { signal: stop.signal, credentials: "same-origin" });
    return answer.ok ? ((await answer.json()) as InkSoFar) : null;
  } catch {
    return null;
  } finally {
    clearTimeout(timer);
  }
}
