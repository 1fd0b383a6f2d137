import type { Lang } from "../../core/format";

const id = {
  title: "Apa yang akan berubah",
  nothingSent: "belum ada yang dikirim",
  loading: "Membaca keadaan alat …",
  summary: (changes: number, same: number, time: string) => `${changes} hal akan berubah, ${same} tetap. Selesai kira-kira ${time}.`,
  nothing: "Tidak ada yang perlu berubah: semua sudah sesuai.",
  unavailable: (count: number) => `${count} hal tidak terjangkau dan akan dilewati.`,
  refused: "Ditolak sebelum ada yang dikirim",
  never: "Aturan ini tidak dapat dikesampingkan.",
  onlyTechnicians: "Hanya teknisi yang dapat mengesampingkannya.",
  reason: "Alasan, tercatat dengan nama Anda",
  anyway: "Tetap jalankan",
  dark: (places: string) => `Gambar hilang sebentar: ${places}.`,
  same: "tetap",
  away: "terputus, dilewati",
  unknown: "belum terbaca",
  sentNothing: "Tidak ada yang dikirim. Lihat rencana baru, lalu putuskan.",
  anew: "Lihat rencana baru",
};

const en: typeof id = {
  title: "What will change",
  nothingSent: "nothing sent yet",
  loading: "Reading the devices …",
  summary: (changes, same, time) => `${changes} things will change, ${same} stay. Done in about ${time}.`,
  nothing: "Nothing has to change: all is as wanted.",
  unavailable: (count) => `${count} things cannot be reached and will be skipped.`,
  refused: "Refused before anything was sent",
  never: "This rule cannot be overridden.",
  onlyTechnicians: "Only a technician may override it.",
  reason: "Reason, kept with your name",
  anyway: "Run anyway",
  dark: (places) => `Picture gone for a moment: ${places}.`,
  same: "stays",
  away: "disconnected, skipped",
  unknown: "not read yet",
  sentNothing: "Nothing was sent. Look at the new plan, then decide.",
  anew: "Look at the new plan",
};

export const words: Record<Lang, typeof id> = { id, en };
