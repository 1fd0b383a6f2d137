import type { Lang } from "../../core/format";

const id = {
  glass: "Kaca layar",
  pictureOf: "Gambar dari halaman layar ini",
  coming: "Menunggu gambar dari layar",
  away: "tidak terhubung",
  connected: "Terhubung",
  report: "Laporan terakhir",
  frames: "Bingkai",
  memory: "Memori",
  late: "Selisih ganti",
  visible: "Digambar",
  yes: "ya",
  no: "tidak: jendela tertutup",
  hint: "Digambar oleh halaman layar itu sendiri dari yang ditampilkannya. Apakah panel fisiknya menyala, hanya terlihat di tempat.",
  actions: { identify: "Tunjukkan nomor", previous: "Sebelumnya", next: "Berikutnya", reload: "Muat ulang halaman" },
};

const en: typeof id = {
  glass: "The glass",
  pictureOf: "Picture from this wall's page",
  coming: "Waiting for the wall's picture",
  away: "not connected",
  connected: "Connected",
  report: "Last report",
  frames: "Frames",
  memory: "Memory",
  late: "Switch late by",
  visible: "Drawn",
  yes: "yes",
  no: "no: window covered",
  hint: "Drawn by the wall's own page from what it shows. Whether the panel itself is lit can only be seen there.",
  actions: { identify: "Show number", previous: "Previous", next: "Next", reload: "Load page anew" },
};

export const words: Record<Lang, typeof id> = { id, en };
