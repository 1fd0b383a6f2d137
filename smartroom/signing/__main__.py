"""`python -m smartroom.signing seal|confined`: the process with the keys, or the one for strangers' files."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import ctypes
import logging
import os
import resource
import socket
import sys
from pathlib import Path

_PR_SET_DUMPABLE = 4


def main() -> int:
    """Run one of the two; exit status 2 with one line when `signing.toml` is wrong."""
    if sys.argv[1:] == ["confined"]:
        from smartroom.signing import confined  # noqa: PLC0415  # the other process imports far more

        return confined.main()
    parser = argparse.ArgumentParser(prog="smartroom.signing", description=__doc__)
    parser.add_argument("command", choices=["seal"])
    parser.add_argument("--settings", type=Path, required=True, help="signing.toml")
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--fd", type=int, help="a connected Unix stream socket")
    where.add_argument("--socket", type=Path, help="path of a Unix socket to listen on")
    parser.add_argument("--uid", type=int, action="append", default=[], help="who may connect, beside this user")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="seal %(levelname)s %(name)s: %(message)s")
    for chatty in ("pyhanko", "pyhanko_certvalidator", "asyncio"):
        logging.getLogger(chatty).setLevel(logging.CRITICAL)  # what matters of theirs comes back as a fault
    _keep_memory_private()
    with contextlib.suppress(KeyboardInterrupt):
        return asyncio.run(_seal(options.settings, options.fd, options.socket, frozenset({os.getuid(), *options.uid})))
    return 130


async def _seal(settings: Path, descriptor: int | None, path: Path | None, uids: frozenset[int]) -> int:
    from smartroom.signing.errors import SigningFault  # noqa: PLC0415
    from smartroom.signing.seal.house import House  # noqa: PLC0415
    from smartroom.signing.seal.service import serve_path, serve_socket  # noqa: PLC0415
    from smartroom.signing.settings import load_settings  # noqa: PLC0415

    try:
        async with House(load_settings(settings)) as house:
            if descriptor is not None:
                await serve_socket(house, socket.socket(fileno=descriptor))
            elif path is not None:
                await serve_path(house, path, uids)
    except SigningFault as fault:
        sys.stderr.write(f"seal: {fault.sentence}\n")
        return 2
    return 0


def _keep_memory_private() -> None:
    """No core dump, no debugger of another process of the same user: both would hold passphrases."""
    os.umask(0o077)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


if __name__ == "__main__":
    sys.exit(main())
