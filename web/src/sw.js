// Keeps the shell of the panel and of walls (page, script, style, typeface) so that they open during a break and say so. Never a word of the room.
// The two names are filled in by the build.
const BUILD = __BUILD__;
const SHELL = __SHELL__;
const CACHE = `shell-${BUILD}`;

self.addEventListener("install", (event) => {
  event.waitUntil(fill().then(() => self.skipWaiting()));
});

self.addEventListener("activate", (event) => {
  const forget = caches.keys().then((names) => Promise.all(names.filter((name) => name !== CACHE).map((name) => caches.delete(name))));
  event.waitUntil(forget.then(() => self.clients.claim()));
});

self.addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  if (event.request.method !== "GET" || url.origin !== self.location.origin) return;
  if (url.pathname.startsWith("/assets/")) event.respondWith(kept(event.request));
  else if (event.request.mode === "navigate" && url.pathname.startsWith("/wall/")) event.respondWith(page(event.request, "/wall/"));
  else if (event.request.mode === "navigate" && (url.pathname === "/" || url.pathname.startsWith("/panel/"))) event.respondWith(page(event.request, "/"));
});

async function fill() {
  const cache = await caches.open(CACHE);
  await Promise.all(
    SHELL.map(async (path) => {
      const response = await fetch(path, { cache: "no-cache", redirect: "manual" });
      // Before signing in, "/" leads elsewhere: that is not the shell.
      if (response.ok) await cache.put(path, response);
    }),
  );
}

async function kept(request) {
  return (await caches.match(request)) ?? fetch(request);
}

async function page(request, shell) {
  try {
    const response = await fetch(request);
    if (response.ok && !response.redirected) await (await caches.open(CACHE)).put(shell, response.clone());
    return response;
  } catch {
    return (await caches.match(shell)) ?? Response.error();
  }
}
