"""Scenes: a desired state (model), what it would do (planner), doing and proving it (engine), and what people may ask (desk)."""
