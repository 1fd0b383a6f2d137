import type { Layout, MeetingState } from "../../protocol/messages";
import { inOrder } from "./order";

/** What a page arranges for itself; null follows the host. */
export interface Own {
  layout: "grid" | "speaker" | null;
  /** Somebody this page wants large, whoever the host shows. */
  pin: string | null;
  /** Page of tiles, from 0. */
  page: number;
}

/** What stands on one tile. */
export interface Tile {
  /** Stays the same while the tile moves. */
  key: string;
  person: string;
  source: "camera" | "screen";
  big: boolean;
  x: number;
  y: number;
  width: number;
  height: number;
}

export interface Arrangement {
  layout: Layout;
  tiles: Tile[];
  page: number;
  pages: number;
}

export interface Area {
  width: number;
  height: number;
  gap: number;
  /** Pictures this device can receive at once: no page shows more people. */
  most: number;
}

const SHAPE = 16 / 9;
/** A face smaller than this says nothing. */
const SMALLEST = 150;
/** Slides beside a strip need this width; below it the strip goes under them. */
const WIDE = 1.15;

interface Who {
  person: string;
  source: "camera" | "screen";
}

interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** Where everything stands: the host's layout, unless this page has its own; tiles in protocol order. */
export function arrange(state: MeetingState, own: Own, me: string, area: Area): Arrangement {
  const people = inOrder(state.people).map((person) => person.id);
  const screen = state.stage.screen !== null && people.includes(state.stage.screen) ? state.stage.screen : null;
  const pin = own.pin !== null && people.includes(own.pin) ? own.pin : null;
  const layout = layoutOf(state, own, pin, screen);
  const large = largeOf(state, layout, pin, me, people);
  const head: Who[] =
    layout === "slides" && screen !== null && pin === null ? [{ person: screen, source: "screen" }] : large.map((person) => ({ person, source: "camera" as const }));
  const rest: Who[] = [];
  if (screen !== null && !head.some((who) => who.source === "screen")) rest.push({ person: screen, source: "screen" });
  // Who speaks stands first beside slides.
  const first = layout === "slides" && head[0]?.source === "screen" ? large : [];
  for (const person of [...first, ...people.filter((id) => !first.includes(id))]) {
    if (!head.some((who) => who.person === person && who.source === "camera")) rest.push({ person, source: "camera" });
  }
  return head.length === 0 ? grid(rest, own.page, area) : featured(layout, head, rest, me, own.page, area);
}

function layoutOf(state: MeetingState, own: Own, pin: string | null, screen: string | null): Layout {
  if (pin !== null) return "speaker";
  if (own.layout !== null) return own.layout;
  const asked = state.stage.layout;
  // A shared screen in the plain layout is shown to all; slides without a screen are nothing to look at.
  if (screen !== null) return asked === "grid" ? "slides" : asked;
  return asked === "slides" ? "speaker" : asked;
}

function largeOf(state: MeetingState, layout: Layout, pin: string | null, me: string, people: string[]): string[] {
  if (pin !== null) return [pin];
  if (layout === "grid") return [];
  const shown = state.stage.shown.filter((person) => people.includes(person));
  const wanted = layout === "pair" ? 2 : Math.max(1, state.stage.spotlight.filter((person) => people.includes(person)).length);
  // Nobody looks at himself in large; unless the host put him there, or nobody else is here.
  const others = shown.filter((person) => person !== me || state.stage.spotlight.includes(person));
  const fill = people.filter((person) => person !== me && !others.includes(person));
  const found = [...others, ...fill].slice(0, wanted);
  return found.length > 0 ? found : people.slice(0, 1);
}

/** Equal tiles, as large as they can be; more than fit go to further pages. */
function grid(who: Who[], page: number, area: Area): Arrangement {
  const fits = Math.max(1, Math.min(area.most, capacity(area)));
  const pages = Math.max(1, Math.ceil(who.length / fits));
  const at = Math.min(Math.max(0, page), pages - 1);
  const here = who.slice(at * fits, at * fits + fits);
  // Pages after the first keep its tile size: nothing jumps when one turns.
  const boxes = cells(pages > 1 ? fits : here.length, { x: 0, y: 0, width: area.width, height: area.height }, area.gap);
  return { layout: "grid", tiles: place(here, boxes, false), page: at, pages };
}

/** One or two large, the rest small: beside them on a wide page, below on a narrow one. */
function featured(layout: Layout, head: Who[], rest: Who[], me: string, page: number, area: Area): Arrangement {
  const whole = { x: 0, y: 0, width: area.width, height: area.height };
  if (rest.length === 0) return { layout, tiles: place(head, cells(head.length, whole, area.gap, head.length > 1), true), page: 0, pages: 1 };
  const [main, strip] = area.width / area.height >= WIDE ? beside(whole, area, head.length, rest.length) : below(whole, area, head, rest.length);
  const room = Math.max(1, Math.min(strip.length, area.most - head.length));
  // Where not all fit, oneself is on every page: nobody wants to turn pages to see whether his hair is right.
  const self = rest.find((who) => who.person === me && who.source === "camera");
  const mirror = strip.length > 1 && rest.length > room ? self : undefined;
  const turning = mirror ? rest.filter((who) => who !== mirror) : rest;
  // One's own picture comes from no slot.
  const each = mirror ? Math.min(strip.length - 1, room) : room;
  const pages = Math.max(1, Math.ceil(turning.length / each));
  const at = Math.min(Math.max(0, page), pages - 1);
  const here = [...turning.slice(at * each, at * each + each), ...(mirror ? [mirror] : [])];
  return { layout, tiles: [...place(head, cells(head.length, main, area.gap, head.length > 1), true), ...place(here, strip, false)], page: at, pages };
}

/** A large picture with a column on its right; with five or more small ones, one on two thirds with the rest around it. */
function beside(whole: Box, area: Area, large: number, small: number): [Box, Box[]] {
  const { gap } = area;
  const third = { width: (whole.width - 2 * gap) / 3, height: (whole.height - 2 * gap) / 3 };
  if (large === 1 && small >= 5 && third.width >= SMALLEST * 1.2 && third.height >= SMALLEST / SHAPE) {
    const at = (column: number, row: number): Box => ({ x: column * (third.width + gap), y: row * (third.height + gap), ...third });
    return [{ x: 0, y: 0, width: 2 * third.width + gap, height: 2 * third.height + gap }, [at(2, 0), at(2, 1), at(0, 2), at(1, 2), at(2, 2)]];
  }
  const rows = Math.max(3, Math.min(small, Math.floor((whole.height + gap) / (SMALLEST / SHAPE + gap)), 5));
  const height = (whole.height - (rows - 1) * gap) / rows;
  const width = Math.min(whole.width * 0.3, Math.max(SMALLEST, height * SHAPE));
  const x = whole.width - width;
  return [{ ...whole, width: x - gap }, Array.from({ length: rows }, (_, row) => ({ x, y: row * (height + gap), width, height }))];
}

/** The large picture across the page, small ones in two columns below it. */
function below(whole: Box, area: Area, head: Who[], small: number): [Box, Box[]] {
  const { gap } = area;
  const columns = Math.max(2, Math.min(3, Math.floor((whole.width + gap) / (SMALLEST + gap))));
  const wanted = Math.max(1, Math.min(Math.ceil(small / columns), 3));
  const width = (whole.width - (columns - 1) * gap) / columns;
  const height = Math.min(width / (4 / 3), whole.height * (head.length > 1 ? 0.22 : 0.27));
  const share = head.length > 1 ? 0.45 : 0.36;
  const rows = Math.max(1, Math.min(wanted, Math.floor((whole.height * (1 - share) + gap) / (height + gap))));
  const main = { ...whole, height: whole.height - rows * (height + gap) };
  const boxes = Array.from({ length: rows * columns }, (_, index) => ({
    x: (index % columns) * (width + gap),
    y: main.height + gap + Math.floor(index / columns) * (height + gap),
    width,
    height,
  }));
  return [main, boxes];
}

/** The columns that make `count` tiles largest; a last row that is not full stands in the middle. `fill`: no gaps around them, however wide they get. */
function cells(count: number, box: Box, gap: number, fill = false): Box[] {
  if (count === 0) return [];
  // Upright screens take squarer tiles, side by side.
  const shape = box.width < box.height * 0.9 ? 1 : SHAPE;
  let best = { columns: 1, size: 0 };
  for (let columns = 1; columns <= count; columns += 1) {
    const rows = Math.ceil(count / columns);
    const width = (box.width - (columns - 1) * gap) / columns;
    const height = (box.height - (rows - 1) * gap) / rows;
    const size = Math.min(width, height * shape);
    if (size > best.size + 0.5) best = { columns, size };
  }
  const { columns } = best;
  const rows = Math.ceil(count / columns);
  let width = (box.width - (columns - 1) * gap) / columns;
  let height = (box.height - (rows - 1) * gap) / rows;
  // Faces keep near to their camera's shape; a little cut at the edges is better than empty ground.
  if (!fill && count > 1) {
    width = Math.min(width, height * 2);
    height = Math.min(height, width / 1.05);
  }
  const top = box.y + (box.height - rows * height - (rows - 1) * gap) / 2;
  return Array.from({ length: count }, (_, index) => {
    const row = Math.floor(index / columns);
    const inRow = Math.min(columns, count - row * columns);
    const left = box.x + (box.width - inRow * width - (inRow - 1) * gap) / 2;
    return { x: left + (index - row * columns) * (width + gap), y: top + row * (height + gap), width, height };
  });
}

/** How many tiles of a size that still says something fit. */
function capacity(area: Area): number {
  const columns = Math.max(1, Math.floor((area.width + area.gap) / (SMALLEST + area.gap)));
  const rows = Math.max(1, Math.floor((area.height + area.gap) / (SMALLEST / 1.2 + area.gap)));
  return columns * rows;
}

function place(who: Who[], boxes: Box[], big: boolean): Tile[] {
  return who.flatMap((one, index) => {
    const box = boxes[index];
    return box ? [{ key: `${one.source}:${one.person}`, ...one, big, ...box }] : [];
  });
}
