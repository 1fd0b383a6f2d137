"""CPU per forwarded packet of our worker beside Janus VideoRoom, same load, same run."""

from __future__ import annotations

import os
import secrets
import socket
import statistics
import struct
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from pylibsrtp import Policy, Session

from smartroom.media import transport
from smartroom.media.hotpath import Fan, Outbox, Row, new_cell
from tests.bench.report import Figure, Report
from tests.bench.sfu_servers import Run, Server, host_address, janus, measure, ours

ROUNDS = int(os.environ.get("SMARTROOM_BENCH_ROUNDS", "5"))
SECONDS = float(os.environ.get("SMARTROOM_BENCH_SECONDS", "5"))
LOADS: dict[str, dict[str, float]] = {
    "2800/s": {"fps": 28},
    "10000/s": {"fps": 100},
    "6x6": {"publishers": 6, "subscribers": 6, "fps": 28},
}
CHOSEN = os.environ.get("SMARTROOM_BENCH_LOADS", " ".join(LOADS)).split()
GOALS = {"2800/s": 0.80, "10000/s": 0.85}


async def main() -> Report:
    """Alternate the servers, take medians, tell the range."""
    address = host_address()
    servers: dict[str, Callable[[], AbstractAsyncContextManager[Server]]] = {
        "ours": lambda: ours(address),
        "janus": lambda: janus("janus"),
        "janus tuned": lambda: janus("janus tuned", "event_loops = 1\n"),
    }
    runs: dict[tuple[str, str], list[Run]] = {}
    for _ in range(ROUNDS):
        for load in CHOSEN:
            for name, start in servers.items():
                async with start() as server:
                    run = await measure(server, address, seconds=SECONDS, **LOADS[load])
                runs.setdefault((load, name), []).append(run)
    figures: list[Figure] = []
    for load in CHOSEN:
        costs = {name: [run.per_forward for run in runs[load, name]] for name in servers}
        median = {name: statistics.median(values) for name, values in costs.items()}
        for name, values in costs.items():
            figures.append(Figure(f"{load} {name}", median[name], "us"))
            figures.append(Figure(f"{load} {name} lowest", min(values), "us"))
            figures.append(Figure(f"{load} {name} highest", max(values), "us"))
            figures.append(Figure(f"{load} {name} lost", 100 * max(r.lost for r in runs[load, name]), "%"))
        figures.append(
            Figure(f"{load} ours / janus tuned", median["ours"] / median["janus tuned"], "x", GOALS.get(load))
        )
        figures.append(Figure(f"{load} ours / janus", median["ours"] / median["janus"], "x"))
    figures.append(Figure("bare protect and send, 20 rows", bare(), "us"))
    how = (
        f"1,100-byte packets, AES-GCM both sides, transport-cc every 50 ms; 1 publisher x 20 subscribers, and 6 x 6; server and"
        f" clients on a core each; median of {ROUNDS} alternating runs of {SECONDS:.0f} s; CPU by schedstat of the server process"
    )
    return Report(how, tuple(figures))


def bare(rows: int = 20, packets: int = 5000) -> float:
    """Microseconds per packet of encrypting and sending alone, in batches, to sockets that nobody reads."""
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sink,
    ):
        sink.bind(("127.0.0.1", 0))
        target = struct.pack("=H", socket.AF_INET) + struct.pack("!H", sink.getsockname()[1])
        target += socket.inet_aton("127.0.0.1") + bytes(8)
        outbox = Outbox(transport.protect, time.monotonic)
        fan = Fan(outbox)
        made: list[Row] = []
        for i in range(rows):
            policy = Policy(
                key=secrets.token_bytes(28),
                ssrc_type=Policy.SSRC_ANY_OUTBOUND,
                srtp_profile=Policy.SRTP_PROFILE_AEAD_AES_128_GCM,
            )
            session = Session(policy)
            made.append(
                Row(sender.fileno(), target, session._srtp[0], session, new_cell(), 96, 1000 + i, 0, 0, (0, 0), 3)
            )
        fan.set_rows(made)
        tail = bytes(1081)
        begun = time.thread_time()
        for i in range(packets):
            fan.add(1, {(0, 0): tail}, 0, i, i)
            if i % 5 == 4:
                outbox.flush()
        return 1e6 * (time.thread_time() - begun) / packets / rows
