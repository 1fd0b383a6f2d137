import type { Lang } from "../core/format";

const LANG = "smartroom.language";
const THEME = "smartroom.theme";

export type Theme = "dark" | "light";

/** What this device remembers about its pages: language and theme. Shared by all components of a page. */
class Page {
  lang = $state<Lang>(read(LANG) === "en" ? "en" : "id");
  theme = $state<Theme>("dark");
  /** What the person chose on this device, if anything. */
  #chosen: Theme | null;

  constructor() {
    const kept = read(THEME);
    this.#chosen = kept === "dark" || kept === "light" ? kept : null;
    this.theme = this.#chosen ?? "dark";
    this.#show();
  }

  /** What this page wears by itself, until somebody chooses. */
  suggest(theme: Theme): void {
    this.theme = this.#chosen ?? theme;
    this.#show();
  }

  /** A page that strangers open looks as their device does, until they choose. */
  followDevice(): void {
    if (read(THEME) === null && matchMedia("(prefers-color-scheme: light)").matches) this.theme = "light";
    this.#show();
  }

  toggleLanguage(): void {
    this.lang = this.lang === "id" ? "en" : "id";
    write(LANG, this.lang);
    this.#show();
  }

  toggleTheme(): void {
    this.theme = this.#chosen = this.theme === "dark" ? "light" : "dark";
    write(THEME, this.theme);
    this.#show();
  }

  #show(): void {
    document.documentElement.lang = this.lang;
    document.documentElement.dataset["theme"] = this.theme;
    const ground = getComputedStyle(document.documentElement).getPropertyValue("--bg-1").trim();
    document.querySelector("meta[name=theme-color]")?.setAttribute("content", ground || "#0d171b");
  }
}

export const page = new Page();

/** A kiosk browser may forbid storage; the page works without memory. */
function read(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

function write(key: string, value: string): void {
  try {
    localStorage.setItem(key, value);
  } catch {
    // the choice holds until the page is closed
  }
}
