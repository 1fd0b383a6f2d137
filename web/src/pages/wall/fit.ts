import type { Attachment } from "svelte/attachments";

/** Names are never cut: a text that does not fit its box gets smaller letters, down to `least` pixels. */
export function fit(largest: number, least: number): Attachment<HTMLElement> {
  return (node) => {
    const measure = (): void => {
      let size = largest;
      node.style.fontSize = `${size}px`;
      while (size > least && (node.scrollHeight > node.clientHeight + 1 || node.scrollWidth > node.clientWidth + 1)) {
        size -= 4;
        node.style.fontSize = `${size}px`;
      }
    };
    measure();
    let there = true;
    // The typeface may come after the first measure.
    void document.fonts.ready.then(() => there && measure());
    return () => void (there = false);
  };
}
