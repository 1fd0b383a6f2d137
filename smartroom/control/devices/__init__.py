"""Devices of a room: one task each (supervisor), and one way to ask them for something (gateway)."""
