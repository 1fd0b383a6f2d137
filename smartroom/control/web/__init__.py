"""HTTP and Socket.IO: parse, ask `may`, hand to a desk, answer. Decides nothing about rooms."""
