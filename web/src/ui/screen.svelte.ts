/** The tablet's screen: filled, and kept awake while the page is seen. Both need the browser's leave. */
class Screen {
  filled = $state(false);
  /** null until the browser answered. */
  awake = $state<boolean | null>(null);
  readonly canFill = typeof document.documentElement.requestFullscreen === "function";
  #lock: WakeLockSentinel | null = null;

  /** Begins; a lock is lost whenever the page is hidden, and taken again when it is seen. */
  start(): () => void {
    const filled = (): void => void (this.filled = document.fullscreenElement !== null);
    const seen = (): void => void this.#wake();
    document.addEventListener("fullscreenchange", filled);
    document.addEventListener("visibilitychange", seen);
    void this.#wake();
    return () => {
      document.removeEventListener("fullscreenchange", filled);
      document.removeEventListener("visibilitychange", seen);
      void this.#lock?.release();
    };
  }

  async toggleFull(): Promise<void> {
    try {
      await (document.fullscreenElement ? document.exitFullscreen() : document.documentElement.requestFullscreen());
    } catch {
      // a kiosk browser that fills the screen already refuses; nothing is lost
    }
  }

  async #wake(): Promise<void> {
    if (document.visibilityState !== "visible" || (this.#lock && !this.#lock.released)) return;
    try {
      // Absent on plain http and on old browsers.
      this.#lock = await navigator.wakeLock.request("screen");
      this.#lock.addEventListener("release", () => void (document.visibilityState === "visible" && this.#wake()));
      this.awake = true;
    } catch {
      this.awake = false;
    }
  }
}

export const screen = new Screen();
