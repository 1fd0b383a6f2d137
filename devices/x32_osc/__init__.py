"""Behringer and Midas mixing consoles over OSC: X32, M32, X-Air, M-Air."""
