/** Lets the tablet keep the page itself (never the room's state), so that it opens during a break and says that it is cut off. */
export function keepShell(): void {
  // Absent on plain http: the page then needs the server to open, nothing else changes.
  if (!("serviceWorker" in navigator) || !import.meta.env.PROD) return;
  void navigator.serviceWorker.register(trusted("/sw.js")).catch(() => undefined);
}

/** The server's policy demands trusted types where the browser knows them; our one script address is a constant. */
function trusted(address: "/sw.js"): string {
  const factory = (globalThis as { trustedTypes?: { createPolicy(name: string, rules: { createScriptURL: (url: string) => string }): { createScriptURL(url: string): string } } }).trustedTypes;
  return factory ? factory.createPolicy("smartroom", { createScriptURL: (url) => url }).createScriptURL(address) : address;
}
