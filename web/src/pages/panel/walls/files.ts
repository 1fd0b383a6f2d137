import type { Api, Reply } from "../../../core/api";
import type { ContentChecked, ContentSites, Picture, Problem } from "../../../protocol/messages";
import type { Content } from "../../wall/kinds";

/** The server refuses more; saying so before ten megabytes have travelled is kinder. */
export const PICTURE_BYTES = 10_000_000;
const TYPES = ["image/png", "image/jpeg", "image/webp"];
export const ACCEPTED = TYPES.join(",");

/** What became of an upload. */
export type Uploaded = { ok: Picture } | { problem: Problem | null; why: "large" | "type" | "refused" | "network" };

/** A room's pictures, and the server's look at contents before they are shown. */
export class WallFiles {
  readonly #room: string;

  constructor(
    private readonly api: Api,
    room: string,
  ) {
    this.#room = `/api/v1/rooms/${encodeURIComponent(room)}`;
  }

  pictures(): Promise<Reply<Picture[]>> {
    return this.api.call("GET", `${this.#room}/pictures`);
  }

  sites(): Promise<Reply<ContentSites>> {
    return this.api.call("GET", `${this.#room}/contents/sites`);
  }

  /** Looks, on the server, whether a content can be shown; nothing changes on any wall. */
  check(content: Content): Promise<Reply<ContentChecked>> {
    return this.api.call("POST", `${this.#room}/contents/check`, { content });
  }

  remove(picture: string): Promise<Reply<unknown>> {
    return this.api.call("DELETE", `${this.#room}/pictures/${picture}`);
  }

  address(picture: string): string {
    return `${this.#room}/pictures/${picture}`;
  }

  /** Sends a picture; `progress` is told how much of it has gone, 0 to 1. */
  upload(file: File, progress: (share: number) => void): Promise<Uploaded> {
    if (!TYPES.includes(file.type)) return Promise.resolve({ problem: null, why: "type" });
    if (file.size > PICTURE_BYTES) return Promise.resolve({ problem: null, why: "large" });
    return new Promise((done) => {
      const request = new XMLHttpRequest(); // fetch tells nothing of what has gone
      request.open("POST", `${this.#room}/pictures?name=${encodeURIComponent(file.name)}`);
      request.setRequestHeader("Content-Type", file.type);
      request.setRequestHeader("Accept", "application/json");
      request.upload.onprogress = (event) => progress(event.lengthComputable ? event.loaded / event.total : 0);
      request.onerror = () => done({ problem: null, why: "network" });
      request.onload = () => {
        const said = parsed(request.responseText) as { problem?: Problem } & Partial<Picture> & Partial<Problem>;
        if (request.status === 201) done({ ok: said as Picture });
        else done({ problem: said?.problem ?? (said?.text ? (said as Problem) : null), why: "refused" });
      };
      request.send(file);
    });
  }
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return {};
  }
}
