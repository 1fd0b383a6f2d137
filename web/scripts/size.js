// Weighs the built pages: `npm run size`; fails above a budget. --if-built: says nothing when there is no build yet.
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const built = fileURLToPath(new URL("../../smartroom/control/web/static/", import.meta.url));

/** kB (1000 bytes) of script, gzip -9, that a page loads before it can be used. */
const BUDGETS = { "panel.html": 72, "login.html": 45, "wall.html": 30, "technician.html": 80, "meeting.html": 90, "pad.html": 60, "ceremony.html": 75, "verify.html": 45, "sign.html": 45 };

/** Scripts of a page, with everything they import statically. */
function scriptsOf(page) {
  const found = new Set();
  const visit = (name) => {
    if (found.has(name)) return;
    found.add(name);
    const text = readFileSync(built + name, "utf8");
    for (const [, path] of text.matchAll(/(?:from|import)\s*"\.\/([^"]+\.js)"/g)) visit(`assets/${path}`);
  };
  for (const [, path] of readFileSync(built + page, "utf8").matchAll(/(?:src|href)="\/(assets\/[^"]+\.js)"/g)) visit(path);
  return [...found];
}

const kB = (bytes) => bytes / 1000;
const packed = (name) => gzipSync(readFileSync(built + name), { level: 9 }).length;

if (!existsSync(built + "panel.html")) {
  if (!process.argv.includes("--if-built")) throw new Error("no build yet: run `npm run build`");
} else {
  let over = false;
  for (const [page, budget] of Object.entries(BUDGETS)) {
    const weight = kB(scriptsOf(page).reduce((sum, name) => sum + packed(name), 0));
    const style = [...readFileSync(built + page, "utf8").matchAll(/href="\/(assets\/[^"]+\.css)"/g)].reduce((sum, [, name]) => sum + packed(name), 0);
    over ||= weight > budget;
    console.log(`${page.padEnd(11)} script ${weight.toFixed(1).padStart(5)} kB gzip of ${budget}, style ${kB(style).toFixed(1)} kB${weight > budget ? "  TOO HEAVY" : ""}`);
  }
  if (over) process.exitCode = 1;
}
