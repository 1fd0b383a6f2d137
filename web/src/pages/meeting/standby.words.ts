import type { Lang } from "../../core/format";

const id = {
  title: "Kamera dan suara ruangan",
  how: "Halaman ini adalah mata, telinga, dan pengeras suara ruangan. Biarkan terbuka di perangkat yang tersambung ke kamera, mikrofon, dan audio ruang.",
  takePart: "Ikut setiap rapat",
  taking: "Ruangan ikut setiap rapat",
  waits: "Menunggu rapat dimulai di ruangan ini …",
  entering: "Masuk ke rapat …",
  stop: "Berhenti ikut",
  off: "Ruangan tidak ikut rapat",
  offHow: "Peserta jarak jauh tidak melihat dan tidak mendengar ruangan.",
};

export type Words = typeof id;

const en: Words = {
  title: "The room's camera and sound",
  how: "This page is the room's eyes, ears and loudspeakers. Leave it open on the device that the room's camera, microphone and audio are connected to.",
  takePart: "Take part in every meeting",
  taking: "The room takes part in every meeting",
  waits: "Waiting for a meeting to begin in this room …",
  entering: "Joining the meeting …",
  stop: "Take part no longer",
  off: "The room takes no part",
  offHow: "Remote participants neither see nor hear the room.",
};

export function words(lang: Lang): Words {
  return lang === "en" ? en : id;
}
