/** The small picture of a wall: what its page draws, drawn once more by the browser from the page's own elements. */
const WIDTH = 480;
const HEIGHT = 270;
const GLASS = 1920;
const QUALITY = 0.6;

/** Every rule of the page as text, with what it fetches put into it: a picture inside a picture may fetch nothing. */
let rules: Promise<string> | null = null;

/** A JPEG of what stands on the glass. Frames of other sites cannot be drawn by anybody but their own window: their address stands there. */
export async function pictureOf(glass: HTMLElement): Promise<Blob> {
  rules ??= styles();
  const copy = await frozen(glass);
  copy.style.transform = "none";
  const { fontFamily, fontSize, fontWeight, lineHeight, letterSpacing, fontFeatureSettings, color, backgroundColor } = getComputedStyle(document.body);
  const body = document.createElement("div");
  body.setAttribute("xmlns", "http://www.w3.org/1999/xhtml");
  Object.assign(body.style, { fontFamily, fontSize, fontWeight, lineHeight, letterSpacing, fontFeatureSettings, color, backgroundColor, width: `${GLASS}px`, height: "1080px", position: "relative" });
  body.append(copy);
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${GLASS}" height="1080"><style>${escaped(await rules)}</style><foreignObject width="100%" height="100%">${new XMLSerializer().serializeToString(body)}</foreignObject></svg>`;
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svg)}`;
  await image.decode();
  const canvas = canvasOf(WIDTH, HEIGHT);
  canvas.getContext("2d")?.drawImage(image, 0, 0, WIDTH, HEIGHT);
  return new Promise((resolve, reject) => canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("no picture"))), "image/jpeg", QUALITY));
}

/** A copy in which pictures, films and drawings hold what they show now. */
async function frozen(glass: HTMLElement): Promise<HTMLElement> {
  const copy = glass.cloneNode(true) as HTMLElement;
  const alive = [...glass.querySelectorAll("img, video, canvas, iframe")];
  const still = [...copy.querySelectorAll("img, video, canvas, iframe")];
  await Promise.all(alive.map(async (element, index) => still[index]?.replaceWith(await stillOf(element as HTMLElement))));
  return copy;
}

async function stillOf(element: HTMLElement): Promise<HTMLElement> {
  if (element instanceof HTMLIFrameElement) {
    const sign = document.createElement("div");
    sign.className = element.className;
    sign.textContent = element.src;
    sign.style.cssText = "position:absolute;inset:0;display:grid;place-content:center;font-size:48px;background:#fff;color:#333";
    return sign;
  }
  const [width, height] = sizeOf(element);
  const still = document.createElement("img");
  still.className = element.className;
  still.style.cssText = element.style.cssText;
  if (width > 0 && height > 0) {
    const scale = Math.min(1, (WIDTH * 2) / width);
    const canvas = canvasOf(Math.ceil(width * scale), Math.ceil(height * scale));
    canvas.getContext("2d")?.drawImage(element as HTMLImageElement, 0, 0, canvas.width, canvas.height);
    still.src = canvas.toDataURL(element instanceof HTMLCanvasElement ? "image/png" : "image/jpeg", QUALITY);
    await still.decode().catch(() => undefined);
  }
  return still;
}

function sizeOf(element: HTMLElement): [number, number] {
  if (element instanceof HTMLVideoElement) return [element.videoWidth, element.videoHeight];
  if (element instanceof HTMLCanvasElement) return [element.width, element.height];
  return element instanceof HTMLImageElement ? [element.naturalWidth, element.naturalHeight] : [0, 0];
}

async function styles(): Promise<string> {
  const texts = [...document.styleSheets].map((sheet) => [...sheet.cssRules].map((rule) => rule.cssText).join("\n"));
  const whole = texts.join("\n");
  const found = [...new Set([...whole.matchAll(/url\("?(\/?[^")]+\.woff2)"?\)/g)].map((match) => match[1] ?? ""))];
  const packed = await Promise.all(found.map(async (path) => [path, await inline(path)] as const));
  return packed.reduce((text, [path, data]) => text.replaceAll(path, data), whole);
}

async function inline(path: string): Promise<string> {
  const blob = await (await fetch(new URL(path, `${location.origin}/assets/`))).blob();
  return new Promise((resolve) => {
    const reader = new FileReader();
    reader.onload = () => resolve(String(reader.result));
    reader.readAsDataURL(blob);
  });
}

function canvasOf(width: number, height: number): HTMLCanvasElement {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  return canvas;
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}
