"""How the command line finds a running server: `--url`, `SMARTROOM_URL`, or what the server left in the data folder."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

DOOR_FILE = "server.json"


class NoServer(Exception):
    """There is no server to talk to; the sentence names the fix."""


@dataclass(frozen=True, slots=True)
class Door:
    """Address and token of a server; `ca` is the certificate authority to trust for HTTPS."""

    url: str
    token: str
    ca: str = ""
    site: str = ""
    """Folder of its rooms' files, on this machine."""


def find_door(url: str | None, token: str | None, data: Path) -> Door:
    """The server to talk to; NoServer names the fix."""
    left = _left(data)
    found = url or os.environ.get("SMARTROOM_URL") or (left.url if left else "")
    if not found:
        message = f"no server is running (looked for {data / DOOR_FILE}). Fix: start one with  make demo  or name it with --url http://HOST:8080"
        raise NoServer(message)
    key = token or os.environ.get("SMARTROOM_TOKEN") or (left.token if left else "")
    return Door(found.rstrip("/"), key, left.ca if left else "")


def site_of(data: Path) -> Path | None:
    """The site of the server that runs on this data folder."""
    left = _left(data)
    return Path(left.site) if left and left.site else None


def leave_door(data: Path, door: Door) -> None:
    """Leave address and token for the command line, readable by this user alone."""
    path = data / DOOR_FILE
    fresh = data / f".{DOOR_FILE}.new"
    fresh.unlink(missing_ok=True)
    fresh.touch(mode=0o600)
    fresh.write_text(
        json.dumps({"url": door.url, "token": door.token, "ca": door.ca, "site": door.site, "pid": os.getpid()})
    )
    fresh.replace(path)


def close_door(data: Path) -> None:
    """The server ended."""
    (data / DOOR_FILE).unlink(missing_ok=True)


def _left(data: Path) -> Door | None:
    try:
        found = json.loads((data / DOOR_FILE).read_text())
        os.kill(int(found["pid"]), 0)  # left by a server that was killed: say so instead of waiting for its port
    except (OSError, ValueError, KeyError):
        return None
    return Door(str(found["url"]), str(found["token"]), str(found.get("ca", "")), str(found.get("site", "")))
