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

/** Draws strokes on two canvases: what is settled stays, the newest tip and the guess are drawn anew in each frame. */
export class Painter {
  #settled: CanvasRenderingContext2D;
  #tip: CanvasRenderingContext2D;
  #nibs = new Map<string, Nib>();
  #scale = 1;
  #left = 0;
  #top = 0;
  #tails = new Map<string, Piece>();
  #look = WET;
  /** Points that are on the settled canvas. */
  drawn = 0;

  constructor(settled: HTMLCanvasElement, tip: HTMLCanvasElement) {
    const options = { desynchronized: false };
    this.#settled = settled.getContext("2d", options) as CanvasRenderingContext2D;
    this.#tip = tip.getContext("2d", options) as CanvasRenderingContext2D;
  }

  /** The canvases have a new size: `scale` pixels a unit of the field, which begins at (left, top). Everything is to be drawn again. */
  place(width: number, height: number, scale: number, left: number, top: number): void {
    for (const context of [this.#settled, this.#tip]) {
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
    for (const context of [this.#settled, this.#tip]) context.clearRect(0, 0, context.canvas.width, context.canvas.height);
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

  /** Once per frame: the tips, and where the pen seems to be going. */
  finish(guess: readonly InkPoint[] = []): void {
    const context = this.#tip;
    context.clearRect(0, 0, context.canvas.width, context.canvas.height);
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
    context.lineWidth = Math.max(width * this.#scale, 1);
    context.beginPath();
    context.moveTo(x(from[0]), y(from[1]));
    context.quadraticCurveTo(x(by[0]), y(by[1]), x(to[0]), y(to[1]));
    context.stroke();
  }
}
