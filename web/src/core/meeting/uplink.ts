/** One look at what becomes of our packets. */
export interface Sample {
  /** Fraction lost, 0..1. */
  loss: number;
  /** Bit/s the path takes, as the browser reckons; null when it does not say. */
  available: number | null;
}

const POOR_LOSS = 0.15;
const GOOD_LOSS = 0.05;
/** Below this a picture would take what the voice needs. */
const POOR_BPS = 110_000;
const GOOD_BPS = 250_000;
/** Looks (one in two seconds) until our own picture rests, and until it may come back: quick to save the voice, slow to trust the path again. */
const TO_REST = 3;
const TO_RETURN = 6;

/** Decides whether our own picture rests so that our voice gets through. Feed it every two seconds while a picture is sent. */
export class Uplink {
  #poor = 0;
  #good = 0;
  resting = false;

  /** True when the answer changed. */
  look(sample: Sample): boolean {
    const poor = sample.loss > POOR_LOSS || (sample.available !== null && sample.available < POOR_BPS);
    // While nothing but a voice is sent the browser learns little about the path: loss alone has to do.
    const good = sample.loss < GOOD_LOSS && (this.resting || sample.available === null || sample.available > GOOD_BPS);
    this.#poor = poor ? this.#poor + 1 : 0;
    this.#good = good ? this.#good + 1 : 0;
    if (!this.resting && this.#poor >= TO_REST) return this.#become(true);
    if (this.resting && this.#good >= TO_RETURN) return this.#become(false);
    return false;
  }

  /** The path is a new one: what the old one bore says nothing. True when the answer changed. */
  anew(): boolean {
    const changed = this.resting;
    this.#become(false);
    return changed;
  }

  #become(resting: boolean): boolean {
    this.resting = resting;
    this.#poor = this.#good = 0;
    return true;
  }
}
