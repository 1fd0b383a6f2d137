import type { Lang } from "../../core/format";

const id = {
  nothingSent: "tidak ada yang dikirim sendiri",
  text: "Pulihkan satu per satu, atau biarkan.",
  should: (goal: string) => `seharusnya ${goal}`,
  repair: "Pulihkan",
  repairOne: (label: string) => `Pulihkan ${label}`,
  repairAll: "Pulihkan semua",
  leave: "Biarkan",
};

const en: typeof id = {
  nothingSent: "nothing is sent by itself",
  text: "Put back one by one, or leave it.",
  should: (goal) => `should be ${goal}`,
  repair: "Put back",
  repairOne: (label) => `Put back ${label}`,
  repairAll: "Put all back",
  leave: "Leave it",
};

export const words: Record<Lang, typeof id> = { id, en };
