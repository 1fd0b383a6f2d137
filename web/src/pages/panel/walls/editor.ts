import type { Text } from "../../../protocol/messages";
import type { IconName } from "../../../ui/icons";
import type { Content } from "../../wall/kinds";
import type { WallFiles } from "./files";

/** When and where a content will stand: some hold a moment. */
export interface Moment {
  /** Server time, seconds (Unix). */
  now: number;
  timezone: string;
}

/** What a kind's editor tells beside its form. `D` is what the form holds before it is a content document. */
export interface Editor<D extends object> {
  order: number;
  icon: IconName;
  name: Text;
  /** Whether the panel can draw it small; a page of another site or a live meeting it cannot. */
  drawn: boolean;
  empty: () => D;
  /** The form for what stands on a wall. */
  opened: (content: Content) => D;
  /** The document at this moment; null while something is missing. */
  content: (draft: D, at: Moment) => Content | null;
}

/** What every editor's component gets. It writes into `draft`. */
export interface EditorProps<D extends object> {
  draft: D;
  files: WallFiles;
}

/** Leaves out what is empty: the server's defaults stand there then. */
export function filled(kind: string, fields: Record<string, unknown>): Content {
  const kept = Object.entries(fields).filter(([, value]) => value !== "" && value !== 0 && value !== null && value !== undefined && !(Array.isArray(value) && value.length === 0));
  return { kind, ...Object.fromEntries(kept) };
}

/** Text of a content document, or nothing. */
export function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** Lines of a text, without empty ones. */
export function lines(value: string): string[] {
  return value.split("\n").map((line) => line.trim()).filter((line) => line !== "");
}
