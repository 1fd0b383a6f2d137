import type { Lang } from "../../../core/format";

/** Words of the host's controls on the meeting page. */
const id = {
  title: "Tuan rumah",
  muteAll: "Bisukan semua",
  nextHand: (name: string) => `Beri giliran: ${name}`,
  itemNext: "Butir berikutnya",
  end: "Akhiri untuk semua",
  endHold: "tahan 1 detik",
  copy: "Salin tautan",
  copied: "Tautan disalin",
  roomCode: (code: string) => `Kode ruangan ${code}`,
  pin: (pin: string) => `PIN ${pin}`,
  close: "Tutup",
  // one person
  spotlight: "Sorot untuk semua",
  unspotlight: "Hentikan sorot",
  giveTurn: "Beri giliran bicara",
  mute: "Bisukan",
  stopCamera: "Hentikan gambar",
  stopScreen: "Hentikan layar",
  coHost: "Jadikan wakil tuan rumah",
  notCoHost: "Jadikan peserta",
  listener: "Jadikan pendengar",
  remove: "Keluarkan",
};

export type HostWords = typeof id;

const en: HostWords = {
  title: "Host",
  muteAll: "Mute all",
  nextHand: (name) => `Give the turn: ${name}`,
  itemNext: "Next item",
  end: "End for all",
  endHold: "hold for 1 second",
  copy: "Copy the link",
  copied: "Link copied",
  roomCode: (code) => `Room code ${code}`,
  pin: (pin) => `PIN ${pin}`,
  close: "Close",
  spotlight: "Spotlight for all",
  unspotlight: "End the spotlight",
  giveTurn: "Give the turn to speak",
  mute: "Mute",
  stopCamera: "Stop the picture",
  stopScreen: "Stop the screen",
  coHost: "Make co-host",
  notCoHost: "Make participant",
  listener: "Make listener",
  remove: "Remove",
};

export function hostWords(lang: Lang): HostWords {
  return lang === "en" ? en : id;
}
