import type { PropertyShape, Value } from "../../protocol/messages";

/** What stands in the fields of a command, before it is a value. */
export interface Typed {
  text: string;
  /** Second number of a position. */
  second: string;
}

/** Types of arguments and properties that have a field of their own. */
export type Kind = PropertyShape["type"];

/** The value that typed text means, or null where it means none. Ranges are the device's to judge: its answer names what is wrong. */
export function valueOf(kind: Kind, typed: Typed, shape?: PropertyShape): { ok: Value } | null {
  const text = typed.text.trim();
  const choice = shape?.choices.find((item) => String(item.value) === text);
  if (choice) return { ok: choice.value };
  switch (kind) {
    case "boolean":
      return text === "true" || text === "false" ? { ok: text === "true" } : null;
    case "integer":
    case "number": {
      const number = numberOf(text);
      return number === null ? null : { ok: number };
    }
    case "position": {
      const [pan, tilt] = [numberOf(text), numberOf(typed.second)];
      return pan === null || tilt === null ? null : { ok: [pan, tilt] };
    }
    case "choice":
      return null;
    default:
      return { ok: typed.text };
  }
}

/** The text a field begins with: what the device has now. */
export function typedOf(value: Value | undefined): Typed {
  if (Array.isArray(value)) return { text: String(value[0] ?? ""), second: String(value[1] ?? "") };
  return { text: value === null || value === undefined ? "" : String(value), second: "" };
}

function numberOf(text: string): number | null {
  const plain = text.trim().replace(",", ".");
  return plain === "" || !Number.isFinite(Number(plain)) ? null : Number(plain);
}
