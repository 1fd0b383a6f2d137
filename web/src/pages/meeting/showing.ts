/** Shows a track in a video element, and nothing else but it. */
export function showing(track: MediaStreamTrack) {
  return (node: HTMLVideoElement): (() => void) => {
    node.srcObject = new MediaStream([track]);
    // Some browsers heed `autoplay` only where it was set before the source.
    void node.play().catch(() => undefined);
    return () => (node.srcObject = null);
  };
}
