import type { TrackSource } from "./publisher";

/** The three sizes of one camera: a quarter, a half, full. What nobody watches is not sent. */
export const SIMULCAST = [
  { rid: "q", scaleResolutionDownBy: 4, maxBitrate: 150_000 },
  { rid: "h", scaleResolutionDownBy: 2, maxBitrate: 500_000 },
  { rid: "f", scaleResolutionDownBy: 1, maxBitrate: 1_500_000 },
] as const;

/** Text must stay sharp; motion may be coarse. */
const SCREEN_BITRATE = 2_500_000;
const SCREEN_FRAMES = 15;
const VOICE_BITRATE = 32_000;
/** What is left of a voice on the thinnest path. */
const THIN_VOICE_BITRATE = 14_000;

/** How much of what could be sent is sent. */
export interface Thrift {
  /** The largest camera layer that is allowed. */
  layers: "all" | "half" | "quarter" | "none";
  /** Every word is sent twice (RED), so that a lost packet costs nothing. */
  red: boolean;
  thinVoice: boolean;
}

export const LAVISH: Thrift = { layers: "all", red: true, thinVoice: false };

const ALLOWED: Record<Thrift["layers"], readonly string[]> = { all: ["q", "h", "f"], half: ["q", "h"], quarter: ["q"], none: [] };

/** How a connection is thrifty on each rung of the server's ladder; `rest`: the server asks for our picture to rest. */
export function thriftOf(rung: number, saver: "auto" | "on" | "off", rest: boolean): Thrift {
  const layers = rest || rung >= 4 ? "none" : saver === "on" || rung >= 2 ? "quarter" : rung === 1 ? "half" : "all";
  return { layers, red: rung < 5, thinVoice: rung >= 5 };
}

/** Sets the parameters of one encoding list in place; true when something changed. `watched`: layers somebody looks at, null = not told yet. */
export function tune(encodings: RTCRtpEncodingParameters[], source: TrackSource, thrift: Thrift, watched: readonly string[] | null): boolean {
  let changed = false;
  const put = <K extends keyof RTCRtpEncodingParameters>(one: RTCRtpEncodingParameters, key: K, value: RTCRtpEncodingParameters[K]): void => {
    if (one[key] === value) return;
    one[key] = value;
    changed = true;
  };
  for (const one of encodings) {
    if (source === "mic") {
      put(one, "maxBitrate", thrift.thinVoice ? THIN_VOICE_BITRATE : VOICE_BITRATE);
      put(one, "priority", "high");
      put(one, "networkPriority", "high");
    } else if (source === "screen") {
      put(one, "maxBitrate", SCREEN_BITRATE);
      put(one, "maxFramerate", SCREEN_FRAMES);
      put(one, "priority", "medium");
    } else {
      const allowed = ALLOWED[thrift.layers];
      // An encoder without layers is one of all sizes: it rests only when no picture is to be sent.
      const active = one.rid === undefined ? allowed.length > 0 : allowed.includes(one.rid) && (watched === null || watched.includes(one.rid));
      put(one, "active", active);
      put(one, "priority", "low");
    }
  }
  return changed;
}

/** The server's answer, with silence that costs nothing (DTX) and repair inside the packets (FEC) asked of our own encoder. */
export function withSilence(sdp: string): string {
  const opus = /^a=rtpmap:(\d+) opus\/48000/im.exec(sdp)?.[1];
  if (opus === undefined) return sdp;
  const line = new RegExp(`^a=fmtp:${opus} (.*)$`, "m");
  const wanted = ["useinbandfec=1", "usedtx=1"];
  const found = line.exec(sdp)?.[1];
  if (found === undefined) return sdp.replace(new RegExp(`^(a=rtpmap:${opus} .*)$`, "m"), `$1\r\na=fmtp:${opus} ${wanted.join(";")}`);
  const parameters = found.trim().split(";").filter((part) => part !== "" && !/^(useinbandfec|usedtx)=/.test(part.trim()));
  return sdp.replace(line, `a=fmtp:${opus} ${[...parameters, ...wanted].join(";")}`);
}
