import { ZONES } from "../../../core/format";

/** The date in the room's zone as an input wants it: `2026-11-23`. */
export function today(at: number, zone: string): string {
  return new Date((at + (ZONES[zone] ?? 0) * 3600) * 1000).toISOString().slice(0, 10);
}

/** Date and time of day in the room's zone as seconds (Unix); NaN while they are no moment. */
export function moment(date: string, time: string, zone: string): number {
  return Date.parse(`${date}T${time}:00Z`) / 1000 - (ZONES[zone] ?? 0) * 3600;
}

/** The next half hour, as a time input wants it: when a meeting is likely meant. */
export function soon(at: number, zone: string): string {
  const local = at + (ZONES[zone] ?? 0) * 3600;
  return new Date((Math.floor(local / 1800) + 1) * 1800_000).toISOString().slice(11, 16);
}
