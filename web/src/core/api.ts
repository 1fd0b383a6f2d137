import type { Door, History, Me, Paired, Plan, Problem, Recording, RoomSummary } from "../protocol/messages";

/** A page waits this long for an answer; a plan reads the devices first and may need it. */
const TIMEOUT_MS = 10_000;
/** A file takes its way over the worst Wi-Fi: the server's own patience (`PICTURE_UPLOAD_S`), and a little. */
const UPLOAD_MS = 65_000;

/** An answer, or why there is none: `status` 0 means the server could not be reached. */
export type Reply<T> = { ok: T } | { status: number; problem: Problem | null; retryAfterS: number | null };

type Fetch = (path: string, init: RequestInit) => Promise<Response>;

/** Calls of the pages to the server's REST interface. Never throws. */
export class Api {
  constructor(private readonly fetch: Fetch = (path, init) => globalThis.fetch(path, init)) {}

  me(): Promise<Reply<Me>> {
    return this.call("GET", "/api/v1/me");
  }

  rooms(): Promise<Reply<RoomSummary[]>> {
    return this.call("GET", "/api/v1/rooms");
  }

  plan(room: string, scene: string): Promise<Reply<Plan>> {
    return this.call("GET", `/api/v1/rooms/${encodeURIComponent(room)}/scenes/${encodeURIComponent(scene)}/plan`);
  }

  recording(room: string, base: string): Promise<Reply<Recording>> {
    return this.call("GET", `/api/v1/rooms/${encodeURIComponent(room)}/recording?${new URLSearchParams({ extends: base }).toString()}`);
  }

  history(room: string, query: Record<string, string>): Promise<Reply<History>> {
    return this.call("GET", `/api/v1/rooms/${encodeURIComponent(room)}/history?${new URLSearchParams(query).toString()}`);
  }

  login(name: string, password: string): Promise<Reply<Me>> {
    return this.call("POST", "/api/v1/login", { name, password });
  }

  logout(): Promise<Reply<unknown>> {
    return this.call("POST", "/api/v1/logout", {});
  }

  setUp(code: string, name: string, password: string): Promise<Reply<Me>> {
    return this.call("POST", "/api/v1/setup", { code, name, password });
  }

  pair(code: string): Promise<Reply<Paired>> {
    return this.call("POST", "/api/v1/pairings/redeem", { code, deliver: "cookie" });
  }

  door(code: string): Promise<Reply<Door>> {
    return this.call("GET", `/api/v1/meet/${encodeURIComponent(code)}`);
  }

  /** One request; never throws. A Blob or File goes as it is. */
  async call<T>(method: string, path: string, body?: unknown, timeoutMs = body instanceof Blob ? UPLOAD_MS : TIMEOUT_MS): Promise<Reply<T>> {
    const stop = new AbortController();
    const timer = setTimeout(() => stop.abort(), timeoutMs);
    try {
      const init: RequestInit = { method, signal: stop.signal, headers: { Accept: "application/json" }, credentials: "same-origin" };
      if (body !== undefined) {
        const bytes = body instanceof Blob;
        init.headers = { ...init.headers, "Content-Type": bytes ? body.type || "application/octet-stream" : "application/json" };
        init.body = bytes ? body : JSON.stringify(body);
      }
      const response = await this.fetch(path, init);
      const content: unknown = response.status === 204 ? null : await response.json();
      if (response.ok) return { ok: content as T };
      const retry = Number(response.headers.get("Retry-After"));
      return { status: response.status, problem: asProblem(content), retryAfterS: retry > 0 ? retry : null };
    } catch {
      return { status: 0, problem: null, retryAfterS: null };
    } finally {
      clearTimeout(timer);
    }
  }
}

function asProblem(content: unknown): Problem | null {
  const found = (content as { problem?: unknown } | null)?.problem ?? content;
  return typeof found === "object" && found !== null && "code" in found && "text" in found ? (found as Problem) : null;
}
