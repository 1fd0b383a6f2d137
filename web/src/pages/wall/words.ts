const DAYS = ["Minggu", "Senin", "Selasa", "Rabu", "Kamis", "Jumat", "Sabtu"];
const MONTHS = ["Januari", "Februari", "Maret", "April", "Mei", "Juni", "Juli", "Agustus", "September", "Oktober", "November", "Desember"];
const ZONES: Record<string, number> = { WIB: 7, WITA: 8, WIT: 9 };

/** Words that stand on a wall: Indonesian, for everybody in the room. */
export const words = {
  nothing: "Belum ada tayangan",
  wall: "Layar",
  now: "Sekarang",
  until: (time: string) => `sampai ${time}`,
  lost: (age: string) => `Server tidak terhubung · tayangan ${age}`,
  lostShort: "Server tidak terhubung",
  refused: "Layar ini belum dipasangkan",
  refusedHow: "Buka tautan pemasangan di peramban ini. Teknisi membuatnya dengan:",
  replaced: "Layar ini dibuka di peramban lain",
  broken: "Tayangan ini gagal",
  since: (time: string) => `sejak ${time}`,
  connecting: "Menyambung",
};

/** `Senin, 23 November 2026` in the room's zone. */
export function date(time: number, zone: string): string {
  const local = new Date((time + (ZONES[zone] ?? 0) * 3600) * 1000);
  return `${DAYS[local.getUTCDay()]}, ${local.getUTCDate()} ${MONTHS[local.getUTCMonth()]} ${local.getUTCFullYear()}`;
}

/** Minutes since midnight in the room's zone. */
export function minuteOfDay(time: number, zone: string): number {
  const local = new Date((time + (ZONES[zone] ?? 0) * 3600) * 1000);
  return local.getUTCHours() * 60 + local.getUTCMinutes();
}

/** `09.30` or `9:30` as minutes since midnight. */
export function minutes(text: string): number {
  const [hour = "0", minute = "0"] = text.split(/[.:]/);
  return Number(hour) * 60 + Number(minute);
}

/** `9:05` as `09.05`. */
export function moment(text: string): string {
  const [hour = "0", minute = "00"] = text.split(/[.:]/);
  return `${hour.padStart(2, "0")}.${minute}`;
}

/** `09.41` in the room's zone. */
export function clock(time: number, zone: string): string {
  const minute = minuteOfDay(time, zone);
  return moment(`${Math.floor(minute / 60)}.${String(minute % 60).padStart(2, "0")}`);
}
