import type { DeviceState } from "../../protocol/messages";
import { fresh } from "./devices";

/** Whether a device tells now that a picture arrives: at an input of a matrix (`signal.3`), or at what a screen shows (`signal`); null where it does not tell. */
export function signal(device: DeviceState | undefined, input: number | null): boolean | null {
  const value = fresh(device, input === null ? "signal" : `signal.${input}`)?.value;
  return typeof value === "boolean" ? value : null;
}
