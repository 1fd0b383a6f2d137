import type { Lang } from "../core/format";

/** Words for who moved a property; shared by the panel and the technician's page. */
export interface MoverWords {
  scene: (name: string, by: string) => string;
  hand: (by: string) => string;
  device: string;
  return: string;
  unseen: string;
  unknown: string;
}

export const movers: Record<Lang, MoverWords> = {
  id: {
    scene: (name, by) => `${name} (${by})`,
    hand: (by) => by,
    device: "di alat sendiri",
    return: "saat alat mati atau terputus",
    unseen: "saat server tidak berjalan",
    unknown: "tidak diketahui oleh siapa",
  },
  en: {
    scene: (name, by) => `${name} (${by})`,
    hand: (by) => by,
    device: "at the device",
    return: "while the device was off or cut off",
    unseen: "while the server was not running",
    unknown: "nobody knows by whom",
  },
};
