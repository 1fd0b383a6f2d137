import type { Lang } from "../../core/format";

const id = {
  begin: "Mulai gladi",
  beginNote: "simulator, ruangan tidak tersentuh",
  beginning: "Menyiapkan simulator …",
  here: (seeded: number) => `GLADI: semua alat di sini simulator, ${seeded > 0 ? "dimulai dari keadaan ruangan sekarang" : "seperti baru dinyalakan"}. Ruangan tidak tersentuh, tidak ada yang disimpan.`,
  end: "Akhiri gladi",
  elsewhere: (by: string) => `Gladi sedang berjalan, dimulai ${by}. Panel ini tetap mengendalikan ruangan.`,
  join: "Ikut gladi",
};

const en: typeof id = {
  begin: "Rehearse",
  beginNote: "simulators, the room is not touched",
  beginning: "Preparing simulators …",
  here: (seeded) => `REHEARSAL: every device here is a simulator, ${seeded > 0 ? "begun as the room reads now" : "as after power on"}. The room is not touched, nothing is kept.`,
  end: "End the rehearsal",
  elsewhere: (by) => `A rehearsal is going on, begun by ${by}. This panel still controls the room.`,
  join: "Join it",
};

export const words: Record<Lang, typeof id> = { id, en };
