"""Cheap HDMI matrices: one profile file makes both driver and simulator."""
