"""How long a packet takes through the worker, from one client's send to another's receive."""

from __future__ import annotations

from tests.bench.report import Figure, Report
from tests.bench.sfu_servers import host_address, measure, ours


async def main() -> Report:
    """Two loads; the delay holds both clients' own work too, so the forwarding itself is less."""
    address = host_address()
    figures: list[Figure] = []
    for name, fps, subscribers in (("140 packets/s x 5", 28, 5), ("500 packets/s x 5", 100, 5)):
        async with ours(address) as server:
            run = await measure(server, address, seconds=10, fps=fps, subscribers=subscribers, latency=True)
        figures.append(Figure(f"{name} p50", run.p50, "ms"))
        figures.append(Figure(f"{name} p99", run.p99, "ms", at_most=2))
        figures.append(Figure(f"{name} lost", 100 * run.lost, "%"))
    return Report(
        "send to receive on one host, first packet of each frame, clients' own encryption and decryption included",
        tuple(figures),
    )
