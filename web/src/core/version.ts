/** Raised with the server's when an old page can no longer understand it; a stale page reloads itself. */
export const PROTOCOL_VERSION = 1;
