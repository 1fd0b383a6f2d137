import type { Lang } from "../../core/format";

const id = {
  title: "Rekam mode baru",
  open: "Rekam mode baru",
  intro: "Keadaan ruangan sekarang menjadi mode baru. Baca tiap baris; yang tidak dicentang tidak disimpan.",
  reading: "Membaca keadaan ruangan …",
  name: "Nama mode",
  nameHint: "misalnya Rapat sore",
  file: (name: string) => `berkas ${name}.yaml`,
  base: "Meneruskan",
  noBase: "tidak meneruskan mode lain",
  same: (count: number, base: string) => `${count} hal sama dengan ${base} dan tidak perlu ditulis.`,
  instead: (value: string) => `bukan ${value}`,
  left: "Tidak dapat direkam",
  offered: "Belum pernah diatur mode mana pun",
  nothing: "Tidak ada yang berbeda: mode ini sudah ada.",
  save: (count: number) => `Simpan ${count}`,
  saved: (name: string) => `${name} tersimpan`,
  again: "Baca ulang",
};

const en: typeof id = {
  title: "Record a new scene",
  open: "Record a new scene",
  intro: "The room as it is becomes a new scene. Read each line; what is not ticked is not kept.",
  reading: "Reading the room …",
  name: "Name of the scene",
  nameHint: "for example Afternoon meeting",
  file: (name) => `file ${name}.yaml`,
  base: "Extends",
  noBase: "extends no other scene",
  same: (count, base) => `${count} things are as ${base} wants them and need not be written.`,
  instead: (value) => `not ${value}`,
  left: "Cannot be recorded",
  offered: "No scene has set these so far",
  nothing: "Nothing differs: this scene exists already.",
  save: (count) => `Save ${count}`,
  saved: (name) => `${name} is saved`,
  again: "Read again",
};

export const words: Record<Lang, typeof id> = { id, en };
