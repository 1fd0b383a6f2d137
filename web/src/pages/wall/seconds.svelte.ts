import type { ServerClock } from "../../core/clock";

/** Server time, moving each second on the second (or `phase` beside it), so that the clocks of all walls change together. */
export class Seconds {
  now = $state(0);

  constructor(clock: ServerClock, each = 1, phase = 0) {
    this.now = clock.now();
    $effect(() => {
      let timer: ReturnType<typeof setTimeout>;
      const turn = (): void => {
        this.now = clock.now();
        timer = setTimeout(turn, (each - ((this.now - phase) % each)) * 1000 + 5);
      };
      turn();
      return () => clearTimeout(timer);
    });
  }
}
