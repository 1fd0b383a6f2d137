/** A press this long asks for the second meaning (look first, store). */
export const LONG_PRESS_MS = 550;
/** A dangerous press is held this long. */
export const HOLD_MS = 1000;
/** Without holding (switch access): press, then confirm within this time. */
export const CONFIRM_MS = 5000;
/** A finger that wanders farther scrolls or slips; it does not press. */
const SLIP_PX = 18;

interface Press {
  tap: () => void;
  long?: (() => void) | undefined;
}

/** Tap and long press on a button; Shift+Enter is the long press of a keyboard. The click that follows a long press is swallowed. */
export function pressable(press: () => Press) {
  return (node: HTMLElement) => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let origin: { x: number; y: number } | null = null;
    let spent = false;

    const cancel = (): void => {
      clearTimeout(timer);
      timer = undefined;
      origin = null;
    };
    const down = (event: PointerEvent): void => {
      spent = false;
      const { long } = press();
      if (!long || event.button !== 0) return;
      origin = { x: event.clientX, y: event.clientY };
      timer = setTimeout(() => {
        spent = true;
        cancel();
        long();
      }, LONG_PRESS_MS);
    };
    const move = (event: PointerEvent): void => {
      if (origin && Math.hypot(event.clientX - origin.x, event.clientY - origin.y) > SLIP_PX) cancel();
    };
    const click = (event: MouseEvent): void => {
      cancel();
      if (spent && event.detail !== 0) {
        spent = false;
        return;
      }
      press().tap();
    };
    const key = (event: KeyboardEvent): void => {
      if (event.key !== "Enter" || !event.shiftKey) return;
      event.preventDefault();
      press().long?.();
    };
    // A long press on a tablet would open the browser's own menu over ours.
    const menu = (event: Event): void => event.preventDefault();
    return listen(node, { pointerdown: down, pointermove: move, pointerup: cancel, pointercancel: cancel, pointerleave: cancel, click, keydown: key, contextmenu: menu });
  };
}

interface Hold {
  /** Called when the finger goes down and when it goes up, is lost, or the page loses focus. */
  start: () => void;
  end: () => void;
}

/** As long as a finger, or Space or Enter, stays down. It always ends: on release, cancel, lost focus and a hidden page. */
export function holdable(hold: () => Hold) {
  return (node: HTMLElement) => {
    let held = false;
    const start = (): void => {
      if (held) return;
      held = true;
      hold().start();
    };
    const end = (): void => {
      if (!held) return;
      held = false;
      hold().end();
    };
    const down = (event: PointerEvent): void => {
      if (event.button !== 0) return;
      node.setPointerCapture(event.pointerId);
      start();
    };
    const key = (event: KeyboardEvent): void => {
      if (event.key !== " " && event.key !== "Enter") return;
      event.preventDefault();
      if (!event.repeat) start();
    };
    const menu = (event: Event): void => event.preventDefault();
    const stop = listen(node, { pointerdown: down, pointerup: end, pointercancel: end, lostpointercapture: end, keydown: key, keyup: end, blur: end, contextmenu: menu });
    window.addEventListener("blur", end);
    document.addEventListener("visibilitychange", end);
    return () => {
      // The button may go while it is held, by what it did: state is not touched while the page is taken apart.
      queueMicrotask(end);
      stop();
      window.removeEventListener("blur", end);
      document.removeEventListener("visibilitychange", end);
    };
  };
}

type Listeners = { [K in keyof HTMLElementEventMap]?: (event: HTMLElementEventMap[K]) => void };

function listen(node: HTMLElement, listeners: Listeners): () => void {
  const entries = Object.entries(listeners) as [string, EventListener][];
  for (const [name, listener] of entries) node.addEventListener(name, listener);
  return () => {
    for (const [name, listener] of entries) node.removeEventListener(name, listener);
  };
}
