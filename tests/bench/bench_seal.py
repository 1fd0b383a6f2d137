"""[seal] Time and size per PAdES level, through the real sealing process and with real OCSP and timestamps over loopback HTTP."""

import asyncio
import functools
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

from pydantic import SecretStr

from smartroom.control.ceremony import confined
from smartroom.control.ceremony.sealing import SealingProcess
from smartroom.protocol.signing import HeadStatement, Level, SealDocument, Sealed, SignHead, UpgradeDocument
from smartroom.signing.testing.house import PASSPHRASE, SIGNER
from tests.bench.report import Figure, Report
from tests.signing.rig import make_office, sealing_process, wish

RUNS = 9


async def main() -> Report:
    """Draw, seal at each level, upgrade, judge in a fresh process, sign journal heads."""
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory() as folder:
        office = make_office(Path(folder))
        _, pdf = await confined.draw(wish())
        figures.append(Figure("draw in a fresh process", await _median(lambda: confined.draw(wish()), 5), "ms"))
        figures.append(Figure("unsigned document", len(pdf) / 1000, "kB"))
        async with office.open(), sealing_process(office.house.settings, asyncio.subprocess.DEVNULL) as client:
            sealed = {level: await _seal(client, pdf, level) for level in Level}  # also warms the process
            for level in Level:
                took = await _median(functools.partial(_seal, client, pdf, level), RUNS)
                figures += [
                    Figure(f"seal {level.value}", took, "ms"),
                    Figure(f"size {level.value}", len(sealed[level]) / 1000, "kB"),
                ]
            took = await _median(lambda: client.ask(UpgradeDocument(), sealed[Level.B_T]), RUNS)
            figures.append(Figure("upgrade b-t to b-lta", took, "ms"))
            _, raised = await client.ask(UpgradeDocument(), sealed[Level.B_T])
            figures.append(Figure("size of the upgraded b-t", len(raised) / 1000, "kB"))
            statement = HeadStatement(journal="bench", sequence=1, head="ab" * 32, at=datetime.now(UTC))
            took = await _median(lambda: client.ask(SignHead(statement=statement)), 200)
            figures.append(Figure("sign a journal head", took, "ms"))
        for level in (Level.B_T, Level.B_LTA):
            took = await _median(functools.partial(confined.judge, sealed[level], office.wish()), 5)
            figures.append(Figure(f"verdict on {level.value} in a fresh process", took, "ms"))
    return Report(
        how=f"two-page Berita Acara with ink, ECDSA P-256, PKCS#12 opened each time, medians of {RUNS} (heads 200, processes 5)",
        figures=tuple(figures),
    )


async def _seal(client: SealingProcess, pdf: bytes, level: Level) -> bytes:
    told, sealed = await client.ask(SealDocument(key=SIGNER, level=level, passphrase=SecretStr(PASSPHRASE)), pdf)
    if not isinstance(told, Sealed):
        raise TypeError(told)
    return sealed


async def _median(work: Callable[[], Awaitable[object]], runs: int) -> float:
    """Median wall clock in ms."""
    times = []
    for _ in range(runs):
        began = time.perf_counter()
        await work()
        times.append((time.perf_counter() - began) * 1000)
    return statistics.median(times)
