import type { Look, MeetingState, ViewWish } from "../../protocol/messages";
import type { Tile } from "./stage";

/** A page tells what it shows at most so often; only the newest counts. */
export const VIEW_EVERY_MS = 250;
/** Sizes are told in steps: a tile that breathes by a pixel is no news. */
const STEP = 40;

export interface Looking {
  /** The page can be seen. */
  visible: boolean;
  /** Only sound is wanted. */
  listen: boolean;
  /** Device pixels for one of the page's. */
  density: number;
}

/** What a page asks to receive, the most important first: the tiles that are really on the screen, in the size they really have. */
export function wishOf(tiles: readonly Tile[], state: MeetingState, me: string, looking: Looking): ViewWish {
  if (!looking.visible || looking.listen) return { looks: [] };
  const density = Math.min(2, Math.max(1, looking.density));
  const looks: Look[] = [];
  for (const tile of [...tiles].sort((one, other) => Number(other.big) - Number(one.big))) {
    const track = state.people[tile.person]?.tracks[tile.source];
    if (tile.person === me || track === undefined) continue;
    const size = (length: number): number => Math.min(4000, Math.ceil((length * density) / STEP) * STEP);
    looks.push({ track, width: size(tile.width), height: size(tile.height), rank: tile.source === "screen" || tile.big ? "stage" : "thumbnail" });
  }
  return { looks };
}

/** Sends wishes: the first at once, then at most four a second, and none that says the same. */
export class Viewer {
  #sent = "";
  #next: ViewWish | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly send: (wish: ViewWish) => void) {}

  wish(wish: ViewWish): void {
    this.#next = wish;
    if (this.#timer === undefined) this.#flush();
  }

  /** A new connection knows nothing of what was said before. */
  again(): void {
    this.#sent = "";
    if (this.#next && this.#timer === undefined) this.#flush();
  }

  close(): void {
    clearTimeout(this.#timer);
  }

  #flush(): void {
    const wish = this.#next;
    const text = JSON.stringify(wish);
    if (wish === null || text === this.#sent) {
      this.#timer = undefined;
      return;
    }
    this.#sent = text;
    this.send(wish);
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#flush();
    }, VIEW_EVERY_MS);
  }
}
