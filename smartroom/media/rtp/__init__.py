"""RTP arithmetic: bytes in, bytes out; no clock, no socket, no event loop."""
