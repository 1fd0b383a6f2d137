import type { Text, Value } from "../protocol/messages";

export type Lang = "id" | "en";

/** Words of an age or a duration, in one language. */
export interface Units {
  second: string;
  minute: string;
  hour: string;
  day: string;
}

export const UNITS: Record<Lang, Units> = {
  id: { second: "dtk", minute: "mnt", hour: "jam", day: "hari" },
  en: { second: "s", minute: "min", hour: "h", day: "d" },
};

/** Hours east of UTC of the zones whose letters a page prints. */
export const ZONES: Record<string, number> = { WIB: 7, WITA: 8, WIT: 9 };

/** The text in the page's language; Indonesian where no English was written. */
export function pick(text: Text, lang: Lang): string {
  return lang === "en" && text.en !== "" ? text.en : text.id;
}

/** `0,3` in Indonesian, `0.3` in English. */
export function decimal(value: number, digits: number, lang: Lang): string {
  const text = value.toFixed(digits);
  return lang === "id" ? text.replace(".", ",") : text;
}

/** A length of time in one unit: `0,3 dtk`, `3 dtk`, `42 dtk`, `2 mnt`, `3 jam`, `2 hari`. */
export function duration(seconds: number, lang: Lang): string {
  const units = UNITS[lang];
  const whole = Math.max(0, seconds);
  if (whole < 9.95) return `${decimal(whole, Number.isInteger(whole) ? 0 : 1, lang)} ${units.second}`;
  if (whole < 59.5) return `${Math.round(whole)} ${units.second}`;
  if (whole < 3570) return `${Math.round(whole / 60)} ${units.minute}`;
  if (whole < 84_600) return `${Math.round(whole / 3600)} ${units.hour}`;
  return `${Math.round(whole / 86_400)} ${units.day}`;
}

/** How long ago, in whole units: nobody reads tenths of an age. */
export function age(since: number, now: number, lang: Lang): string {
  return duration(Math.max(0, Math.round(now - since)), lang);
}

/** Whole seconds that are left of a wait, never below zero. */
export function countdown(until: number, now: number): number {
  return Math.max(0, Math.ceil(until - now));
}

/** `09.41` in the room's zone (`09:41` in English), from server time in seconds. */
export function clock(time: number, zone: string, lang: Lang): string {
  const local = new Date((time + (ZONES[zone] ?? 0) * 3600) * 1000);
  const two = (part: number): string => String(part).padStart(2, "0");
  return `${two(local.getUTCHours())}${lang === "id" ? "." : ":"}${two(local.getUTCMinutes())}`;
}

/** `Senin, 23 November 2026` in the room's zone. */
export function day(time: number, zone: string, lang: Lang): string {
  const local = new Date((time + (ZONES[zone] ?? 0) * 3600) * 1000);
  const locale = lang === "id" ? "id-ID" : "en-GB";
  return local.toLocaleDateString(locale, { timeZone: "UTC", weekday: "long", day: "numeric", month: "long", year: "numeric" });
}

/** `62 %` in Indonesian, `62%` in English. */
export function percent(value: number, lang: Lang): string {
  return lang === "id" ? `${Math.round(value)} %` : `${Math.round(value)}%`;
}

/** A value no label speaks for: numbers with the language's decimal mark, positions as a pair. */
export function plainValue(value: Value, unit: string, lang: Lang): string {
  if (value === null || value === undefined) return "–";
  if (Array.isArray(value)) return value.map((part) => plainValue(part, "", lang)).join(" / ");
  if (typeof value === "number") {
    const text = Number.isInteger(value) ? String(value) : decimal(value, 1, lang);
    return unit === "" ? text : `${text} ${unit}`;
  }
  return String(value);
}
