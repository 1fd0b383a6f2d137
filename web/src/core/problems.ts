import type { ErrorCode, Problem } from "../protocol/messages";

/** The link is down: the press was never sent and never will be. */
export const NOT_CONNECTED: Problem = local("unreachable", "Tidak terkirim: tablet tidak terhubung ke server", "Not sent: this tablet is not connected to the server");

/** The server did not take the press within its life. */
export const NO_ANSWER: Problem = local("expired", "Tidak terkirim: server tidak menjawab", "Not sent: the server did not answer");

/** The link broke after sending: only the room itself can tell. */
export const LINK_BROKE: Problem = local("unreachable", "Sambungan putus sebelum ada jawaban; lihat keadaan ruang", "The link broke before an answer; look at the room's state");

/** The answer was none the page understands. */
export const UNREADABLE: Problem = local("internal", "Jawaban server tidak dipahami; muat ulang halaman", "The server's answer was not understood; reload the page");

function local(code: ErrorCode, id: string, en: string): Problem {
  return { code, text: { id, en }, detail: "", fix: null, device: null, property: null };
}
