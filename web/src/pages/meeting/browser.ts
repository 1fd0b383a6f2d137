import type { Device, Kind } from "../../core/meeting/devices";
import type { Memory } from "../../core/meeting/ports";
import { type Surroundings, surroundings } from "../../core/meeting/trouble";
import type { DeviceClass, IceServer } from "../../protocol/messages";

/** A storage of this browser, which may forbid it. */
export function memory(storage: () => Storage): Memory {
  const tried = <T>(work: (found: Storage) => T, otherwise: T): T => {
    try {
      return work(storage());
    } catch {
      return otherwise;
    }
  };
  return {
    get: (key) => tried((found) => found.getItem(key), null),
    set: (key, value) => tried((found) => found.setItem(key, value), undefined),
    drop: (key) => tried((found) => found.removeItem(key), undefined),
    keys: () => tried((found) => Object.keys(found), []),
  };
}

export const around: Surroundings = surroundings(navigator.userAgent, window.isSecureContext, navigator.maxTouchPoints);

/** What the server should think of this device: how many pictures it bears, where data is saved first. */
export function deviceClass(): DeviceClass {
  const touch = matchMedia("(pointer: coarse)").matches;
  const short = Math.min(screen.width, screen.height);
  if (touch && short < 600) return "phone";
  return touch && short < 1100 ? "tablet" : "laptop";
}

/** True where calls are possible at all. */
export const canCall = typeof RTCPeerConnection === "function";
export const canCapture = typeof navigator.mediaDevices?.getUserMedia === "function";
export const canShare = typeof navigator.mediaDevices?.getDisplayMedia === "function";
/** Where sound comes out can be chosen only where the browser has this. */
export const canChooseSpeaker = "setSinkId" in HTMLMediaElement.prototype;

export async function listDevices(): Promise<Device[]> {
  if (typeof navigator.mediaDevices?.enumerateDevices !== "function") return [];
  const found = await navigator.mediaDevices.enumerateDevices().catch(() => []);
  return found.map((device) => ({ id: device.deviceId, kind: device.kind as Kind, label: device.label }));
}

/** Whether the browser would give both without asking anybody; null where it does not say. */
export async function granted(name: "camera" | "microphone"): Promise<boolean | null> {
  try {
    return (await navigator.permissions.query({ name: name as PermissionName })).state === "granted";
  } catch {
    return null;
  }
}

export function connection(servers: readonly IceServer[]): RTCPeerConnection {
  return new RTCPeerConnection({
    bundlePolicy: "max-bundle",
    iceServers: servers.map(({ url, username, credential }) => (username === "" ? { urls: url } : { urls: url, username, credential })),
  });
}

/** Voices: Opus, and RED around it where this browser knows it and it is wanted. */
export function voices(red: boolean): RTCRtpCodec[] | null {
  const known = RTCRtpSender.getCapabilities?.("audio")?.codecs ?? [];
  const rank = (codec: RTCRtpCodec): number => ["audio/red", "audio/opus"].indexOf(codec.mimeType.toLowerCase());
  const wanted = known.filter((codec) => rank(codec) >= 0 && codec.clockRate === 48_000).sort((one, other) => (red ? rank(one) - rank(other) : rank(other) - rank(one)));
  return wanted.some((codec) => rank(codec) === 1) ? wanted : null;
}
