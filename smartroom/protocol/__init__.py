"""The words that processes and pages say to each other. Imports nothing of ours; `python -m smartroom.protocol` prints the JSON Schema."""

PROTOCOL_VERSION = 1
"""Raised when an old page can no longer understand the server; a stale page reloads itself."""
