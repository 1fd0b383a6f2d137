import type { Lang } from "../core/format";
import type { Rule } from "../protocol/messages";

/** Names of the rules of wear and safety, for people. */
export const rules: Record<Lang, Record<Rule, string>> = {
  id: {
    eeprom: "Memori alat",
    "lamp-minimum": "Umur lampu",
    interlock: "Pengunci",
    "no-toggle": "Tanpa toggle",
    "sound-limit": "Batas suara",
    recording: "Sedang direkam",
    "ptz-stop": "Kamera berhenti sendiri",
    "relay-rate": "Laju relai",
    emergency: "Darurat",
  },
  en: {
    eeprom: "Device memory",
    "lamp-minimum": "Lamp life",
    interlock: "Interlock",
    "no-toggle": "No toggles",
    "sound-limit": "Sound limit",
    recording: "Being recorded",
    "ptz-stop": "Cameras stop by themselves",
    "relay-rate": "Relay rate",
    emergency: "Emergency",
  },
};
