"""The demo's signing: a test authority, its timestamps, and a BSrE, in a process of their own that ends with us."""

from __future__ import annotations

import asyncio
import json
import logging
import shutil
import socket
import sys
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from smartroom.control.ceremony.trust import TRUST
from smartroom.settings import CeremonySettings

_LOG = logging.getLogger(__name__)

SIGNER = "wali.kota@kota-uji.example"
PASSPHRASE = "rahasia-uji"  # noqa: S105  # of the test authority's keys, printed for everybody
_HOST = "127.0.0.1"
_STOP_S = 2.0


class DemoSigning:
    """`async with`: started, not waited for. Its certificates say `uji`; the demo trusts them."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self._folder = data / "signing"
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None

    @property
    def settings(self) -> CeremonySettings:
        """Sealed by the agency, signed by the mayor at the simulated BSrE; rehearsals by a key of their own."""
        house = self._folder / "house" / "signing.toml"
        return CeremonySettings(signing=house, seal="segel", remote="bsre", rehearsal_key="gladi")

    async def __aenter__(self) -> Self:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        port, bsre = self._ports()
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "smartroom.signing.testing", str(self._folder), "--tied"),
            *("--port", str(port), "--bsre-port", str(bsre)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        self._reader = asyncio.create_task(self._trust(), name="demo signing")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        assert self._reader is not None
        self._reader.cancel()
        self._process.stdin.close()
        try:
            async with asyncio.timeout(_STOP_S):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()

    async def _trust(self) -> None:
        """Once it says where it is, its root is trusted here."""
        assert self._process is not None
        assert self._process.stdout is not None
        async for _ in self._process.stdout:
            for folder, name in (("roots", "root.pem"), ("intermediates", "intermediate.pem")):
                target = self._data / TRUST / folder / f"demo-{name}"
                target.parent.mkdir(parents=True, exist_ok=True)
                with suppress(OSError):
                    await asyncio.to_thread(shutil.copyfile, self._folder / "house" / name, target)
        _LOG.warning("the demo's signing services have ended")

    def _ports(self) -> tuple[int, int]:
        """The same from start to start, so that what was signed stays known; others when somebody has taken them."""
        kept = self._folder / "ports.json"
        with suppress(OSError, ValueError):
            ports = json.loads(kept.read_text())
            if all(_free(port) for port in ports):
                return int(ports[0]), int(ports[1])
        ports = _two_free()
        kept.write_text(json.dumps(ports))
        return ports


def _free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_HOST, port))
        except OSError:
            return False
    return True


def _two_free() -> tuple[int, int]:
    with socket.socket() as one, socket.socket() as other:
        for probe in (one, other):
            probe.bind((_HOST, 0))
        return int(one.getsockname()[1]), int(other.getsockname()[1])
