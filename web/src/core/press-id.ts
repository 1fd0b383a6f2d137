/** 128 random bits; `crypto.randomUUID` is missing on a plain-http page of the LAN. */
export function pressId(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
