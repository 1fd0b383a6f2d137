import type { ChatLine, ChatLines } from "../../protocol/messages";

/** Lines are kept in the page; older ones are asked for again. */
const KEPT = 500;

/** The chat as a page holds it: in order, each line once, with what has not been seen. */
export interface Chat {
  lines: readonly ChatLine[];
  /** Older lines can be asked for. */
  more: boolean;
  /** Number of the newest line that was on the screen. */
  seen: number;
}

/** `newest`: the newest line when we came in. Who comes late has read nothing of it, and is told so. */
export function open(): Chat {
  return { lines: [], more: false, seen: 0 };
}

/** A line that was just said. One's own is seen. */
export function add(chat: Chat, line: ChatLine, me: string, reading: boolean): Chat {
  if (chat.lines.some((known) => known.number === line.number)) return chat;
  const lines = [...chat.lines, line].sort((one, other) => one.number - other.number).slice(-KEPT);
  const seen = reading || (line.person === me && unread(chat) === 0) ? Math.max(chat.seen, line.number) : chat.seen;
  return { ...chat, lines, seen };
}

/** Lines that were asked for: earlier ones, or what was missed during a break. */
export function fill(chat: Chat, answer: ChatLines): Chat {
  const known = new Map([...answer.lines, ...chat.lines].map((line) => [line.number, line]));
  const lines = [...known.values()].sort((one, other) => one.number - other.number);
  const first = answer.lines[0]?.number ?? Infinity;
  const reachesBack = first <= (chat.lines[0]?.number ?? Infinity);
  return { ...chat, lines, more: reachesBack ? answer.more : chat.more };
}

/** Everything on the screen was seen. */
export function read(chat: Chat): Chat {
  const newest = chat.lines[chat.lines.length - 1]?.number ?? chat.seen;
  return newest > chat.seen ? { ...chat, seen: newest } : chat;
}

export function unread(chat: Chat): number {
  return chat.lines.filter((line) => line.number > chat.seen).length;
}
