import type { Light, SignatureSeen, Verdict, Verification } from "../../protocol/messages";
import { type Lang, decimal } from "../format";

/** How a document stands, in the words of the page's states. */
export type Standing = Verification["state"];

/** Colour of a line or of the whole, as one of the three marks that every page uses. */
export const LIGHTS = { green: "active", amber: "partial", red: "failed" } as const satisfies Record<Light, string>;

/** How the document's seal looks: its state decides, and a red line never stands beside a green seal. */
export function sealState(state: Standing, verdict: Verdict | null): "active" | "partial" | "failed" | "idle" | "rehearsal" {
  if (state === "rehearsal") return "rehearsal";
  if (state === "void") return "failed";
  if (verdict && worst(verdict) === "red" && state === "valid") return "failed";
  if (state === "valid") return "active";
  return state === "draft" ? "idle" : "partial";
}

/** The worst of the three lines. */
export function worst(verdict: Verdict): Light {
  const lights = [verdict.intact.light, verdict.known.light, verdict.time.light];
  return lights.includes("red") ? "red" : lights.includes("amber") ? "amber" : "green";
}

/** Whether somebody's copy is the file that is kept here. */
export type Likeness = "same" | "other-version" | "other" | "nothing";

/** An unchanged file with other bytes is an earlier or later version; one that is not unchanged is simply another file. */
export function likeness(mine: Verdict, kept: string | null): Likeness {
  if (kept === null) return "nothing";
  if (mine.sha256 === kept) return "same";
  return mine.intact.light === "green" ? "other-version" : "other";
}

/** When a signature was made: by a third party's word where there is one, else by the signer's own clock. */
export function signedAt(signature: SignatureSeen): { at: number; vouched: boolean } | null {
  const told = signature.stamped_at ?? signature.claimed_at;
  return told === null ? null : { at: Date.parse(told) / 1000, vouched: signature.stamped_at !== null };
}

/** A digest to be compared by eye: groups of eight. */
export function grouped(digest: string): string[] {
  return digest.match(/.{1,8}/g) ?? [];
}

/** `94 kB`, `1,2 MB`. */
export function size(bytes: number, lang: Lang): string {
  return bytes < 1e6 ? `${Math.round(bytes / 1000)} kB` : `${decimal(bytes / 1e6, 1, lang)} MB`;
}

/** The letters of this device's zone: `WIB`, `WITA`, `WIT`, or the distance from UTC. */
export function zoneOf(offsetMinutes: number): { hours: number; letters: string } {
  const hours = -offsetMinutes / 60;
  const letters = { 7: "WIB", 8: "WITA", 9: "WIT" }[hours];
  return { hours, letters: letters ?? `UTC${hours < 0 ? "−" : "+"}${Math.abs(hours)}` };
}

/** `27 November 2026 pukul 09.41 WIB`, in the zone of the device that shows it. */
export function moment(at: number, offsetMinutes: number, lang: Lang): string {
  const { hours, letters } = zoneOf(offsetMinutes);
  const local = new Date((at + hours * 3600) * 1000);
  const date = local.toLocaleDateString(lang === "id" ? "id-ID" : "en-GB", { timeZone: "UTC", day: "numeric", month: "long", year: "numeric" });
  const two = (part: number): string => String(part).padStart(2, "0");
  const time = `${two(local.getUTCHours())}${lang === "id" ? "." : ":"}${two(local.getUTCMinutes())}`;
  return lang === "id" ? `${date} pukul ${time} ${letters}` : `${date}, ${time} ${letters}`;
}
