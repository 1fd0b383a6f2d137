import type { Lang } from "../../core/format";

const id = {
  failureTitle: (device: string) => `${device} belum sesuai`,
  failureCount: (failed: number, total: number) => `${failed} dari ${total} langkah gagal.`,
  restStays: "Langkah lain sudah terjadi dan tetap berlaku.",
  allBack: "Ruangan dikembalikan seperti semula.",
  notAllBack: (count: number) => `Sisanya dikembalikan seperti semula; ${count} tidak.`,
  irreversible: "tidak dapat dikembalikan",
  notPutBack: "gagal dikembalikan",
  putBack: "dikembalikan",
  lastRead: (time: string) => `terakhir terbaca ${time}`,
  neverRead: "belum pernah terbaca",
  alreadyThere: "Sudah sesuai",
  overridden: "Diubah orang lain",
  retryDevice: (device: string) => `Ulangi ${device}`,
  retryAll: "Ulangi semua yang gagal",
  runAgain: "Jalankan ulang",
};

const en: typeof id = {
  failureTitle: (device) => `${device} is not as wanted`,
  failureCount: (failed, total) => `${failed} of ${total} steps failed.`,
  restStays: "The other steps have happened and hold.",
  allBack: "The room was put back as it was.",
  notAllBack: (count) => `The rest was put back as it was; ${count} could not.`,
  irreversible: "cannot be put back",
  notPutBack: "putting back failed",
  putBack: "put back",
  lastRead: (time) => `last read ${time}`,
  neverRead: "never read",
  alreadyThere: "Already so",
  overridden: "Changed by somebody else",
  retryDevice: (device) => `Try ${device} again`,
  retryAll: "Try all that failed again",
  runAgain: "Run again",
};

export const words: Record<Lang, typeof id> = { id, en };
