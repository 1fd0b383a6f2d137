/** Why a camera or microphone cannot be had. */
export type Trouble = "insecure" | "unsupported" | "refused" | "dismissed" | "system" | "busy" | "missing" | "unknown";

export type Browser = "chrome" | "edge" | "firefox" | "safari" | "samsung" | "webview" | "other";
export type System = "android" | "ios" | "windows" | "mac" | "linux";

export interface Surroundings {
  browser: Browser;
  system: System;
  /** The page came over HTTPS, or from this very machine. */
  secure: boolean;
}

/** What the page runs in, as far as its name tells; good enough to say where to tap. */
export function surroundings(agent: string, secure: boolean, touch = 0): Surroundings {
  return { browser: browserOf(agent), system: systemOf(agent, touch), secure };
}

function browserOf(agent: string): Browser {
  // Links opened inside a messenger: its window often may not use the camera at all.
  if (/; wv\)|FBAN|FBAV|Instagram|Line\/|MicroMessenger|WhatsApp/i.test(agent)) return "webview";
  if (/SamsungBrowser/i.test(agent)) return "samsung";
  if (/Edg(e|A|iOS)?\//.test(agent)) return "edge";
  if (/Firefox|FxiOS/i.test(agent)) return "firefox";
  if (/Chrome|Chromium|CriOS/i.test(agent)) return "chrome";
  return /Safari/i.test(agent) ? "safari" : "other";
}

function systemOf(agent: string, touch: number): System {
  if (/Android/i.test(agent)) return "android";
  if (/iPhone|iPad|iPod/i.test(agent)) return "ios";
  // An iPad calls itself a Mac, but has fingers.
  if (/Mac OS X/i.test(agent)) return touch > 1 ? "ios" : "mac";
  return /Windows/i.test(agent) ? "windows" : "linux";
}

/** What an error of `getUserMedia` means. */
export function troubleOf(error: { name?: string; message?: string } | null, secure: boolean): Trouble {
  if (!secure) return "insecure";
  const name = error?.name ?? "";
  const message = error?.message ?? "";
  switch (name) {
    case "NotAllowedError":
    case "SecurityError":
    case "PermissionDeniedError":
      if (/system/i.test(message)) return "system";
      return /dismiss/i.test(message) ? "dismissed" : "refused";
    case "NotFoundError":
    case "DevicesNotFoundError":
    case "OverconstrainedError":
    case "ConstraintNotSatisfiedError":
      return "missing";
    case "NotReadableError":
    case "TrackStartError":
    case "AbortError":
      return "busy";
    case "TypeError":
    case "NotSupportedError":
      return "unsupported";
    default:
      return "unknown";
  }
}

/** What a person can do about it, one step after the other; words stand in the page. */
export type Step =
  | "lock"
  | "tuneIcon"
  | "permissionsIcon"
  | "allowBoth"
  | "aaMenu"
  | "siteSettings"
  | "settingsSafari"
  | "settingsApp"
  | "privacyWindows"
  | "privacyMac"
  | "reload"
  | "askAgain"
  | "closeOthers"
  | "otherDevice"
  | "plugIn"
  | "openBrowser"
  | "openHttps"
  | "trust"
  | "update"
  | "without";

/** The way out of a trouble in these surroundings, the nearest first. Every way ends with joining without. */
export function cure(trouble: Trouble, around: Surroundings): Step[] {
  return [...steps(trouble, around), "without"];
}

function steps(trouble: Trouble, { browser, system }: Surroundings): Step[] {
  switch (trouble) {
    case "insecure":
      return ["openHttps", "trust"];
    case "unsupported":
      return browser === "webview" ? ["openBrowser"] : ["update"];
    case "dismissed":
      return ["askAgain"];
    case "system":
      return system === "mac" ? ["privacyMac", "askAgain"] : system === "windows" ? ["privacyWindows", "askAgain"] : ["settingsApp", "askAgain"];
    case "busy":
      return ["closeOthers", "otherDevice", "askAgain"];
    case "missing":
      return ["plugIn", ...(system === "windows" ? (["privacyWindows"] as const) : []), "askAgain"];
    case "refused":
      return refused(browser, system);
    case "unknown":
      return ["askAgain", "reload"];
  }
}

function refused(browser: Browser, system: System): Step[] {
  if (browser === "webview") return ["openBrowser"];
  if (system === "ios") return browser === "safari" ? ["aaMenu", "allowBoth", "reload"] : ["settingsApp", "allowBoth", "reload"];
  if (browser === "safari") return ["settingsSafari", "allowBoth", "reload"];
  if (browser === "firefox") return system === "android" ? ["lock", "allowBoth", "reload"] : ["permissionsIcon", "allowBoth", "reload"];
  if (browser === "samsung") return ["lock", "siteSettings", "allowBoth", "reload"];
  return ["tuneIcon", "allowBoth", "reload"];
}
