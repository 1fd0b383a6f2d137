"""A certificate authority, its services and a BSrE of our own, for demo, rehearsal and tests. Real bytes over real HTTP on loopback."""
