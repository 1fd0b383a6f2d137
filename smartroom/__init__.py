"""smartroom: a room server that shows only what the hardware reported."""

__version__ = "0.1.0"
