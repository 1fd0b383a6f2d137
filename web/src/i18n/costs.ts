import type { Lang } from "../core/format";
import type { Risk } from "../protocol/messages";

/** Words for what a change costs beside its time; shared by the panel and the technician's page. */
export interface CostWords {
  risks: Record<Risk, string>;
  noWayBack: string;
  nothingKnown: string;
}

export const costs: Record<Lang, CostWords> = {
  id: {
    risks: { lamp: "memakai umur lampu", eeprom: "disimpan di memori alat", relay: "memakai umur relai", picture: "gambar hilang sebentar" },
    noWayBack: "tidak dapat dikembalikan",
    nothingKnown: "keadaan semula tidak diketahui",
  },
  en: {
    risks: { lamp: "wears the lamp", eeprom: "stored in the device's memory", relay: "wears the relay", picture: "picture gone for a moment" },
    noWayBack: "cannot be put back",
    nothingKnown: "what it was before is not known",
  },
};
