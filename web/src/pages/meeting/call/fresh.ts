/** Frames of whoever had the slot before are out of the decoder after this. */
const OLD_MS = 150;
/** Where a browser does not tell frames, or nothing moves: show what there is. */
const LATEST_MS = 2500;

/** Tells when a video element shows frames of whoever has the slot now. `first`: nobody had it before. */
export function fresh(tell: (seen: boolean) => void, first = false) {
  return (node: HTMLVideoElement): (() => void) => {
    const began = performance.now();
    let done = false;
    const seen = (): void => {
      if (done) return;
      done = true;
      tell(true);
    };
    tell(false);
    const late = setTimeout(() => node.readyState >= 2 && seen(), LATEST_MS);
    const look = (now: number): void => {
      if (done) return;
      if (first || now - began >= OLD_MS) seen();
      else node.requestVideoFrameCallback(look);
    };
    const played = (): void => {
      if (performance.now() - began >= OLD_MS && node.videoWidth > 0) seen();
    };
    if ("requestVideoFrameCallback" in node) node.requestVideoFrameCallback(look);
    else (node as HTMLVideoElement).addEventListener("timeupdate", played);
    return () => {
      done = true;
      clearTimeout(late);
    };
  };
}
