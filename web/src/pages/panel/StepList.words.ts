import type { Lang } from "../../core/format";
import type { StepRun } from "../../protocol/messages";

const id = {
  steps: "Langkah",
  then: "Lalu, satu demi satu",
  atMost: (time: string) => `paling lama ${time}`,
  same: "sudah sesuai",
  states: { waiting: "menunggu giliran", running: "berjalan", done: "selesai", failed: "gagal", passed: "dilewati", cancelled: "dibatalkan" } satisfies Record<StepRun["state"], string>,
};

const en: typeof id = {
  steps: "Steps",
  then: "Then, one after the other",
  atMost: (time) => `${time} at most`,
  same: "already there",
  states: { waiting: "not yet", running: "goes on", done: "done", failed: "failed", passed: "passed over", cancelled: "cancelled" },
};

export const words: Record<Lang, typeof id> = { id, en };
