"""Walls: what can be shown (content), what each wall shows (walls), and the pictures of slides."""
