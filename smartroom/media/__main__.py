"""A media worker as its own process: `python -m smartroom.media --fd N`; control starts it and speaks first."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import logging
import os
import socket

from smartroom.media.loop import MediaLoop
from smartroom.media.service import serve


def main() -> None:
    """Serve one channel until control ends it or goes away."""
    parser = argparse.ArgumentParser(prog="smartroom.media", description=__doc__)
    parser.add_argument("--fd", type=int, required=True, help="a connected Unix stream socket")
    parser.add_argument("--number", type=int, default=0, help="this worker's number, shown in its ICE user names")
    parser.add_argument("--port", type=int, default=0, help="UDP port, 0 = any")
    parser.add_argument("--address", action="append", required=True, help="address to bind; repeat for IPv6")
    parser.add_argument("--announce", action="append", default=[], help="address told to peers instead")
    parser.add_argument("--cpu", type=int, default=-1, help="core to stay on, -1 = any")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="media %(levelname)s %(name)s: %(message)s")
    if options.cpu >= 0 and options.cpu in os.sched_getaffinity(0):
        os.sched_setaffinity(0, {options.cpu})
    gc.freeze()  # what was imported stays: the collector need not look at it again
    gc.set_threshold(50_000, 20, 50)  # packets are freed by reference counting
    channel = socket.socket(fileno=options.fd)
    with contextlib.suppress(KeyboardInterrupt), asyncio.Runner(loop_factory=MediaLoop) as runner:
        runner.run(serve(channel, options.address, options.port, options.number, options.announce))


if __name__ == "__main__":
    main()
