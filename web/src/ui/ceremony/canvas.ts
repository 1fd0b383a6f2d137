import { FIELD, type InkPoint, type Stroke } from "../../core/ceremony/ink";
import { Nib, type Piece } from "../../core/ceremony/nib";
import type { PlaqueLook } from "../../protocol/messages";

/** How ink looks on a canvas. */
export interface InkLook {
  /** From the top of the field to its bottom. */
  colours: readonly string[];
  glow?: string;
}

const WET: InkLook = { colours: ["#fffdf4", "#fff8e1"] };
const WET_ON_METAL: InkLook = { colours: ["#1b2748", "#0e162c"] };
const BLACK: InkLook = { colours: ["#241a08", "#120d04"] };
export const GOLD: InkLook = { colours: ["#fff2c8", "#edd294", "#d3aa5c", "#f4dfa8"] };

/** Ink that is seen from ten metres on this material: while it is written, and when it has settled. */
export function inkOn(material: PlaqueLook, wet = false): InkLook {
  if (material === "metal") return wet ? WET_ON_METAL : BLACK;
  return wet ? WET : GOLD;
}

/** Draws strokes: what is settled stays, the newest tip and the guess are drawn anew in each frame.
 *
 * What is settled is kept beside the page, and of each frame only what has changed is copied to the glass: a second canvas over the first would have the
 * browser put both together anew, sixty times a second, which costs an old tablet more than all the drawing.
 */
export class Painter {
  #settled = document.createElement("canvas").getContext("2d") as CanvasRenderingContext2D;
  #glass: CanvasRenderingContext2D;
  #nibs = new Map<string, Nib>();
  #scale = 1;
  #left = 0;
  #top = 0;
  #tails = new Map<string, Piece>();
  #look = WET;
  /** What of the glass is not as it should be: settled pieces that it lacks, and the tip of the last frame. */
  #stale = new Patch();
  /** Points that are settled. */
  drawn = 0;

  constructor(glass: HTMLCanvasElement) {
    this.#glass = glass.getContext("2d") as CanvasRenderingContext2D;
  }

  /** The canvas has a new size: `scale` pixels a unit of the field, which begins at (left, top). Everything is to be drawn again. */
  place(width: number, height: number, scale: number, left: number, top: number): void {
    for (const context of [this.#settled, this.#glass]) {
      context.canvas.width = width;
      context.canvas.height = height;
    }
    [this.#scale, this.#left, this.#top] = [scale, left, top];
  }

  /** Another look, for what is drawn from now on. */
  dress(look: InkLook): void {
    this.#look = look;
  }

  clear(): void {
    this.drawn = 0;
    this.#nibs.clear();
    this.#tails.clear();
    const { width, height } = this.#glass.canvas;
    this.#settled.clearRect(0, 0, width, height);
    this.#stale.add(0, 0, width, height);
  }

  /** Further points of a stroke. */
  extend(stroke: Stroke, from: number): void {
    let nib = this.#nibs.get(stroke.key);
    if (!nib) this.#nibs.set(stroke.key, (nib = new Nib()));
    this.#begin(this.#settled);
    this.drawn += stroke.points.length - from;
    for (let index = from; index < stroke.points.length; index += 1) for (const piece of nib.add(stroke.points[index] as InkPoint)) this.#curve(this.#settled, piece);
    const tail = nib.tail;
    if (!tail) return;
    if (stroke.ended) {
      this.#curve(this.#settled, tail);
      this.#tails.delete(stroke.key);
    } else {
      this.#tails.set(stroke.key, tail);
    }
  }

  /** Once per frame: what has settled, the tips, and where the pen seems to be going. */
  finish(guess: readonly InkPoint[] = []): void {
    const context = this.#glass;
    const { x, y, width, height } = this.#stale.take(context.canvas);
    if (width > 0 && height > 0) {
      context.clearRect(x, y, width, height);
      context.drawImage(this.#settled.canvas, x, y, width, height, x, y, width, height);
    }
    if (this.#tails.size === 0) return;
    this.#begin(context);
    let last: Piece | undefined;
    for (const tail of this.#tails.values()) this.#curve(context, (last = tail));
    for (const point of guess) {
      if (!last) break;
      const to = [point[0] ?? 0, point[1] ?? 0] as const;
      this.#curve(context, (last = { from: last.to, by: last.to, to, width: last.width }));
    }
  }

  #begin(context: CanvasRenderingContext2D): void {
    const gradient = context.createLinearGradient(0, this.#top, 0, this.#top + FIELD.height * this.#scale);
    this.#look.colours.forEach((colour, index) => gradient.addColorStop(index / Math.max(this.#look.colours.length - 1, 1), colour));
    context.strokeStyle = gradient;
    context.lineCap = "round";
    context.lineJoin = "round";
  }

  #curve(context: CanvasRenderingContext2D, { from, by, to, width }: Piece): void {
    const x = (value: number): number => this.#left + value * this.#scale;
    const y = (value: number): number => this.#top + value * this.#scale;
    const broad = Math.max(width * this.#scale, 1);
    context.lineWidth = broad;
    context.beginPath();
    context.moveTo(x(from[0]), y(from[1]));
    context.quadraticCurveTo(x(by[0]), y(by[1]), x(to[0]), y(to[1]));
    context.stroke();
    // A curve stays within its three points, and its line half its breadth around it.
    for (const point of [from, by, to]) this.#stale.add(x(point[0]) - broad, y(point[1]) - broad, x(point[0]) + broad, y(point[1]) + broad);
  }
}

/** The smallest rectangle around what was added. */
class Patch {
  #left = Infinity;
  #top = Infinity;
  #right = -Infinity;
  #bottom = -Infinity;

  add(left: number, top: number, right: number, bottom: number): void {
    this.#left = Math.min(this.#left, left);
    this.#top = Math.min(this.#top, top);
    this.#right = Math.max(this.#right, right);
    this.#bottom = Math.max(this.#bottom, bottom);
  }

  /** In whole pixels of the canvas, and empty from now on; no width when nothing was added. */
  take({ width, height }: HTMLCanvasElement): { x: number; y: number; width: number; height: number } {
    const [x, y] = [Math.max(0, Math.floor(this.#left)), Math.max(0, Math.floor(this.#top))];
    const [right, bottom] = [Math.min(width, Math.ceil(this.#right)), Math.min(height, Math.ceil(this.#bottom))];
    [this.#left, this.#top, this.#right, this.#bottom] = [Infinity, Infinity, -Infinity, -Infinity];
    return { x, y, width: right - x, height: bottom - y };
  }
}
