import type { Lang } from "../../core/format";

const id = {
  title: "Riwayat ruangan",
  filters: "Saring riwayat",
  all: "Semua",
  run: "Mode",
  hand: "Dari panel",
  change: "Di alat",
  link: "Sambungan",
  loading: "Membaca riwayat …",
  nothing: "Belum ada yang terjadi di ruangan ini.",
  nothingSo: "Tidak ada yang cocok dengan saringan ini.",
  older: "Lihat yang lebih lama",
  today: "Hari ini",
  yesterday: "Kemarin",
  endings: { achieved: "tercapai", partial: "sebagian", failed: "gagal", restored: "dipulihkan", cancelled: "dihentikan", short: "terpotong" },
  changed: (count: number) => `${count} hal berubah`,
  unknown: "tidak diketahui",
};

const en: typeof id = {
  title: "History of the room",
  filters: "Filter the history",
  all: "All",
  run: "Scenes",
  hand: "From panels",
  change: "At devices",
  link: "Connections",
  loading: "Reading the history …",
  nothing: "Nothing has happened in this room yet.",
  nothingSo: "Nothing fits this filter.",
  older: "See older ones",
  today: "Today",
  yesterday: "Yesterday",
  endings: { achieved: "achieved", partial: "partial", failed: "failed", restored: "put back", cancelled: "cancelled", short: "cut short" },
  changed: (count) => `${count} things changed`,
  unknown: "unknown",
};

export const words: Record<Lang, typeof id> = { id, en };
