import { loudness } from "../../core/meeting/voice";

let context: AudioContext | null = null;

/** The page's one audio clock. Browsers let it run only after a tap, or while the microphone is open. */
export function audioContext(): AudioContext {
  context ??= new AudioContext();
  if (context.state === "suspended") void context.resume().catch(() => undefined);
  return context;
}

/** Tells a few times a second how loud a track is. */
export class Ear {
  readonly #copy: MediaStreamTrack;
  readonly #source: MediaStreamAudioSourceNode;
  readonly #timer: ReturnType<typeof setInterval>;

  constructor(track: MediaStreamTrack, everyMs: number, tell: (level: number) => void) {
    const sound = audioContext();
    this.#copy = track.clone();
    this.#copy.enabled = true;
    this.#source = sound.createMediaStreamSource(new MediaStream([this.#copy]));
    const analyser = sound.createAnalyser();
    analyser.fftSize = 1024;
    this.#source.connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    this.#timer = setInterval(() => {
      if (sound.state === "suspended") void sound.resume().catch(() => undefined);
      analyser.getFloatTimeDomainData(samples);
      tell(loudness(samples));
    }, everyMs);
  }

  close(): void {
    clearInterval(this.#timer);
    this.#source.disconnect();
    this.#copy.stop();
  }
}
