"""Ports for servers of tests."""

from __future__ import annotations

import secrets
import socket
from pathlib import Path

_OURS = 12_000
"""So many ports below those that the system gives to outgoing connections."""


def free_port(host: str = "127.0.0.1") -> int:
    """A port nobody listens on, and that no outgoing connection takes while a server that was there is started again."""
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    while True:
        # Not `random`: all workers of a run seed it alike.
        port = lowest - 1 - secrets.randbelow(min(_OURS, lowest - 1024))
        with socket.socket() as probe:
            try:
                probe.bind((host, port))
            except OSError:
                continue
            return port
