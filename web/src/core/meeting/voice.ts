/** Loudness of a voice at a microphone, 0..1, from the samples of one moment. Quiet rooms stay near 0, a clear voice is above a half. */
export function loudness(samples: Float32Array): number {
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  const decibels = 10 * Math.log10(sum / Math.max(1, samples.length) + 1e-10);
  // From the floor of a quiet room to a voice close by.
  return Math.min(1, Math.max(0, (decibels + 60) / 45));
}

const LOUD = 0.42;
const QUIET = 0.32;
/** A cough is no speech: so much of the last seconds must be loud. */
const SPEECH_MS = 700;
const WINDOW_MS = 2500;
/** Told once, then not again for this long. */
const AGAIN_MS = 15_000;

/** Notices that somebody speaks while the microphone is closed. Feed it a few times a second. */
export class SpeaksMuted {
  #loud: { at: number; ms: number }[] = [];
  #last: number | null = null;
  #on = false;
  #told = -Infinity;

  /** True once at the moment when it should be said. `now` in milliseconds, own clock. */
  hear(level: number, muted: boolean, now: number): boolean {
    const passed = this.#last === null ? 0 : Math.min(300, now - this.#last);
    this.#last = now;
    this.#on = level > (this.#on ? QUIET : LOUD);
    if (!muted) {
      this.#loud = [];
      this.#told = -Infinity;
      return false;
    }
    if (this.#on) this.#loud.push({ at: now, ms: passed });
    this.#loud = this.#loud.filter((piece) => now - piece.at <= WINDOW_MS);
    const spoken = this.#loud.reduce((sum, piece) => sum + piece.ms, 0);
    if (spoken < SPEECH_MS || now - this.#told < AGAIN_MS) return false;
    this.#told = now;
    this.#loud = [];
    return true;
  }
}

/** Did anything come from the microphone at all? A muted headset gives exact silence. */
export function hears(levels: readonly number[]): "nothing" | "quiet" | "good" {
  const top = Math.max(0, ...levels);
  return top < 0.02 ? "nothing" : top < 0.3 ? "quiet" : "good";
}
