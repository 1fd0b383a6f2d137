/** What a few seconds of real media through the worker showed. */
export interface Measured {
  /** Sound came back at all. */
  heard: boolean;
  /** Fraction of packets lost there or back, 0..1. */
  loss: number;
  /** Seconds there and back. */
  rtt: number;
  /** Seconds by which packets came unevenly. */
  jitter: number;
  /** Bit/s the way up takes; null without a camera to try it with. */
  up: number | null;
}

export type Verdict = "good" | "fair" | "sound" | "poor" | "none";

/** One plain word for a path, from the worst of what was measured. */
export function judge(measured: Measured): Verdict {
  if (!measured.heard) return "none";
  const { loss, rtt, jitter, up } = measured;
  if (loss > 0.3 || rtt > 1.5) return "poor";
  if (loss > 0.1 || rtt > 0.6 || (up !== null && up < 150_000)) return "sound";
  if (loss > 0.03 || rtt > 0.3 || jitter > 0.06 || (up !== null && up < 500_000)) return "fair";
  return "good";
}

/** Counters of a connection at one moment, out of `getStats`. */
export interface Counters {
  received: number;
  lost: number;
  jitter: number;
  energy: number;
  rtt: number;
  available: number | null;
  remoteLoss: number;
}

export const NO_COUNTERS: Counters = { received: 0, lost: 0, jitter: 0, energy: 0, rtt: 0, available: null, remoteLoss: 0 };

/** Adds the entries of a report to counters; both connections of a rehearsal are read into one. */
export function count(entries: Iterable<Record<string, unknown>>, into: Counters = NO_COUNTERS): Counters {
  const sum = { ...into };
  const number = (value: unknown): number => (typeof value === "number" && Number.isFinite(value) ? value : 0);
  for (const entry of entries) {
    if (entry["type"] === "inbound-rtp" && entry["kind"] === "audio") {
      sum.received += number(entry["packetsReceived"]);
      sum.lost += Math.max(0, number(entry["packetsLost"]));
      sum.jitter = Math.max(sum.jitter, number(entry["jitter"]));
      sum.energy += number(entry["totalAudioEnergy"]);
    } else if (entry["type"] === "remote-inbound-rtp") {
      sum.rtt = Math.max(sum.rtt, number(entry["roundTripTime"]));
      sum.remoteLoss = Math.max(sum.remoteLoss, number(entry["fractionLost"]));
    } else if (entry["type"] === "candidate-pair" && entry["nominated"] === true) {
      sum.rtt = Math.max(sum.rtt, number(entry["currentRoundTripTime"]));
      const available = entry["availableOutgoingBitrate"];
      if (typeof available === "number") sum.available = Math.max(sum.available ?? 0, available);
    }
  }
  return sum;
}

/** What the counters of a whole rehearsal say. `camera`: a picture was sent, so that the way up was tried. */
export function measured(counters: Counters, camera: boolean): Measured {
  const total = counters.received + counters.lost;
  return {
    heard: counters.received > 20,
    loss: Math.max(total > 0 ? counters.lost / total : 0, counters.remoteLoss),
    rtt: counters.rtt,
    jitter: counters.jitter,
    up: camera ? counters.available : null,
  };
}
