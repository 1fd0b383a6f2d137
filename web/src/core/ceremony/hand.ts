import { FIELD, type InkPoint } from "./ink";

/** What is read of a pointer event. */
export interface Touch {
  pointerId: number;
  pointerType: string;
  clientX: number;
  clientY: number;
  pressure: number;
  tiltX: number;
  tiltY: number;
  timeStamp: number;
  button?: number;
  getCoalescedEvents?: () => readonly Touch[];
  getPredictedEvents?: () => readonly Touch[];
}

/** Where the field lies on the glass now, in the page's pixels. */
export interface Field {
  left: number;
  top: number;
  width: number;
  height: number;
}

/** So far outside the field a stroke may begin: a hand that rests on the frame draws nothing. */
const REACH = 0.12;
const LONGEST_MS = 3_600_000;

/** One hand with one pen: which events draw, and their points in the field's units. No palm, no second finger, no bystander. */
export class Hand {
  /** After the first pen event touch is ignored. */
  penOnly: boolean;
  #active: number | null = null;
  #touches = false;

  /** `began`: page time, ms, at which the attempt began; points count from there. */
  constructor(
    private readonly began: number,
    penOnly = false,
  ) {
    this.penOnly = penOnly;
  }

  get drawing(): boolean {
    return this.#active !== null;
  }

  /** A pointer came down: its first points when it draws, null when it does not. A pen takes over from a palm that came down before it. */
  down(event: Touch, field: Field): InkPoint[] | null {
    const pen = event.pointerType === "pen";
    if (pen) this.penOnly = true;
    if ((this.#active !== null && !(pen && this.#touches)) || (event.button ?? 0) !== 0) return null;
    if (this.penOnly && event.pointerType === "touch") return null;
    if (!near(event, field)) return null;
    this.#active = event.pointerId;
    this.#touches = event.pointerType === "touch";
    return [this.#point(event, field)];
  }

  /** It moved: every point the device reported since, 240 a second where a pen does. */
  move(event: Touch, field: Field): InkPoint[] {
    if (event.pointerId !== this.#active) return [];
    const all = event.getCoalescedEvents?.() ?? [];
    return (all.length > 0 ? all : [event]).map((each) => this.#point(each, field));
  }

  /** Where the browser thinks the pen is going: to be drawn, never kept. */
  guess(event: Touch, field: Field): InkPoint[] {
    if (event.pointerId !== this.#active) return [];
    return (event.getPredictedEvents?.() ?? []).slice(0, 3).map((each) => this.#point(each, field));
  }

  /** It was lifted, or taken away; what was drawn stays. True when it was the one that drew. */
  up(event: Touch): boolean {
    if (event.pointerId !== this.#active) return false;
    this.#active = null;
    return true;
  }

  #point(event: Touch, field: Field): InkPoint {
    const x = Math.round(((event.clientX - field.left) / field.width) * FIELD.width);
    const y = Math.round(((event.clientY - field.top) / field.height) * FIELD.height);
    const t = Math.min(Math.max(Math.round(event.timeStamp - this.began), 0), LONGEST_MS);
    const point = [bound(x), bound(y), t, Math.round(event.pressure * 1000)];
    return event.tiltX || event.tiltY ? [...point, Math.round(event.tiltX), Math.round(event.tiltY)] : point;
  }
}

function near(event: Touch, field: Field): boolean {
  const [x, y] = [(event.clientX - field.left) / field.width, (event.clientY - field.top) / field.height];
  return x >= -REACH && x <= 1 + REACH && y >= -REACH && y <= 1 + REACH;
}

function bound(value: number): number {
  return Math.max(-100_000, Math.min(100_000, value));
}
