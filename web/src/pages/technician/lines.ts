import { type Lang, pick, ZONES } from "../../core/format";
import type { TraceLine } from "../../protocol/messages";

/** A line of the wire as it stands on the page. */
export interface Shown {
  line: TraceLine;
  /** Asked by the routine, or the answer to it. */
  routine: boolean;
}

const ROUTINE = /^(poll|alive\?)/;
const MARKS: Record<TraceLine["kind"], string> = { out: "→", in: "←", silence: "×", link: "·" };

/** Marks what the routine asked and what answered it; nothing else of a line is changed. */
export function marked(lines: readonly TraceLine[]): Shown[] {
  let routine = false;
  return lines.map((line) => {
    if (line.kind === "out") routine = ROUTINE.test(line.note);
    return { line, routine: line.kind === "link" ? false : routine };
  });
}

/** Lines that hold a word, in bytes, hexadecimal or meaning; without the routine when it is not wanted. */
export function filtered(lines: readonly Shown[], word: string, routine: boolean, lang: Lang): Shown[] {
  const wanted = word.trim().toLowerCase();
  const holds = (line: TraceLine): boolean =>
    wanted === "" || [line.text, line.hex, line.note, line.meaning ? pick(line.meaning, lang) : ""].some((part) => part.toLowerCase().includes(wanted));
  return lines.filter((item) => (routine || !item.routine) && holds(item.line));
}

/** True where reading the bytes as text makes no sense. */
export function binary(line: Pick<TraceLine, "text" | "hex">): boolean {
  const escapes = line.text.match(/\\x[0-9a-f]{2}/g)?.length ?? 0;
  const bytes = line.hex === "" ? 0 : line.hex.split(" ").length;
  return bytes > 0 && escapes * 2 > bytes;
}

/** `09.36.58,204` in the room's zone. */
export function moment(at: number, zone: string, lang: Lang): string {
  const local = new Date((at + (ZONES[zone] ?? 0) * 3600) * 1000);
  const two = (part: number, digits = 2): string => String(part).padStart(digits, "0");
  const [dot, comma] = lang === "id" ? [".", ","] : [":", "."];
  return `${[local.getUTCHours(), local.getUTCMinutes(), local.getUTCSeconds()].map((part) => two(part)).join(dot)}${comma}${two(local.getUTCMilliseconds(), 3)}`;
}

export function mark(line: TraceLine): string {
  return line.kind === "link" && line.text !== "" ? "×" : MARKS[line.kind];
}

/** The lines as text for a mail or a ticket: moment, direction, readable bytes, hexadecimal, meaning. */
export function asText(lines: readonly Shown[], zone: string, lang: Lang): string {
  return lines
    .map(({ line }) => [moment(line.at, zone, lang), mark(line), line.text, line.hex === "" ? "" : `[${line.hex}]`, line.meaning ? pick(line.meaning, lang) : "", line.note].filter((part) => part !== "").join("  "))
    .join("\n");
}
