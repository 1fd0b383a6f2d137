import { audioContext } from "./ear";

/** One audio element for each slot of voices, made while a finger is on the button: later no browser lets new ones sound by themselves. */
export class Ears {
  /** The browser wants another tap before it lets anything sound. */
  blocked = $state(false);
  #elements: HTMLAudioElement[] = [];
  #speaker = "";

  /** Call it inside the handler of a tap. */
  prepare(count: number): void {
    if (this.#elements.length >= count) return void this.resume();
    const silence = silent();
    while (this.#elements.length < count) {
      const element = new Audio();
      element.autoplay = true;
      element.setAttribute("playsinline", "");
      if (silence) element.srcObject = silence;
      this.#elements.push(element);
      this.#play(element);
      if (this.#speaker !== "") this.#route(element);
    }
  }

  /** A slot's voice. It stays for the life of the connection, whoever speaks in it. */
  hear(index: number, track: MediaStreamTrack): void {
    this.prepare(index + 1);
    const element = this.#elements[index];
    if (!element) return;
    element.srcObject = new MediaStream([track]);
    this.#play(element);
  }

  /** Sound comes out here from now on. */
  choose(device: string): void {
    this.#speaker = device;
    this.#elements.forEach((element) => this.#route(element));
  }

  resume(): void {
    this.blocked = false;
    this.#elements.forEach((element) => this.#play(element));
  }

  close(): void {
    for (const element of this.#elements) {
      element.pause();
      element.srcObject = null;
    }
    this.#elements = [];
  }

  #play(element: HTMLAudioElement): void {
    element.play().catch((error: Error) => {
      if (error.name === "NotAllowedError" && this.#elements.includes(element)) this.blocked = true;
    });
  }

  #route(element: HTMLAudioElement): void {
    if ("setSinkId" in element) void element.setSinkId(this.#speaker).catch(() => undefined);
  }
}

function silent(): MediaStream | null {
  try {
    return audioContext().createMediaStreamDestination().stream;
  } catch {
    return null;
  }
}
