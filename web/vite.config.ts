import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { defineConfig, type Plugin } from "vitest/config";

const root = fileURLToPath(new URL(".", import.meta.url));
const server = process.env["SMARTROOM_URL"] ?? "http://localhost:8080";
/** One page per purpose; the address is the file's name. */
const pages = ["panel.html", "login.html", "wall.html", "technician.html", "meeting.html", "pad.html", "ceremony.html", "verify.html", "sign.html"];
const build = hashOf(["src", "public", "package-lock.json", ...pages]);

export default defineConfig({
  root,
  plugins: [svelte(), extras()],
  define: { __BUILD__: JSON.stringify(build) },
  build: {
    outDir: "../smartroom/control/web/static",
    emptyOutDir: true,
    // Browser floor: WebView 95 on old tablets, Firefox ESR 115, Safari 15.
    target: ["chrome95", "firefox115", "safari15"],
    modulePreload: { polyfill: false },
    // A data: URL in a style or script would need a hole in the content security policy.
    assetsInlineLimit: 0,
    rolldownOptions: { input: pages.map((page) => `${root}${page}`) },
  },
  server: {
    proxy: {
      "/api": { target: server, changeOrigin: true, secure: false },
      "/socket.io": { target: server, changeOrigin: true, secure: false, ws: true },
    },
  },
  test: { include: ["src/**/*.test.ts", "scripts/**/*.test.js"] },
});

/** Writes what is no page: service worker, the build's name (pages and server compare it), the typeface's licence, packed twins. */
function extras(): Plugin {
  return {
    name: "smartroom-extras",
    apply: "build",
    generateBundle: {
      order: "post",
      handler(_, bundle) {
        const emit = (fileName: string, source: string | Uint8Array): void => void this.emitFile({ type: "asset", fileName, source });
        const shell = ["/", ...Object.keys(bundle).filter((name) => name.startsWith("assets/") && !/login|technician|meeting|pad|ceremony|verify|\/sign-|noto|LICENSE/i.test(name)).map((name) => `/${name}`)];
        const worker = readFileSync(`${root}src/sw.js`, "utf8").replace("__SHELL__", JSON.stringify(shell)).replace("__BUILD__", JSON.stringify(build));
        emit("sw.js", worker);
        emit("build.json", `${JSON.stringify({ build })}\n`);
        for (const face of ["plus-jakarta-sans", "noto-serif"]) emit(`assets/${face}-LICENSE.txt`, readFileSync(`${root}src/styles/${face}-LICENSE.txt`));
        // Packed once here, not on every request.
        for (const [name, file] of Object.entries(bundle)) {
          if (!/\.(js|css|html|svg)$/.test(name)) continue;
          const body = Buffer.from(file.type === "chunk" ? file.code : file.source);
          emit(`${name}.br`, brotliCompressSync(body));
          emit(`${name}.gz`, gzipSync(body, { level: 9 }));
        }
      },
    },
  };
}

/** Twelve hexadecimal digits over the names and contents of files and folders. */
function hashOf(paths: string[]): string {
  const hash = createHash("sha256");
  const walk = (path: string): void => {
    if (statSync(root + path).isDirectory()) {
      for (const name of readdirSync(root + path).sort()) if (!name.endsWith(".test.ts")) walk(`${path}/${name}`);
    } else {
      hash.update(path).update(readFileSync(root + path));
    }
  };
  paths.forEach(walk);
  return hash.digest("hex").slice(0, 12);
}
