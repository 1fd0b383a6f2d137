"""Simulators in the place of a room's hardware: one process each, so that one can be killed like a real device."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from devices.sdk.catalog import find_families, load_family
from devices.sdk.document import Secret, read_document
from smartroom.control.room.files import ROOM_FILE
from smartroom.control.room.secrets import load_secrets

_LOG = logging.getLogger(__name__)

_START_S = 20.0
"""A simulator is a Python program: seconds on a busy machine."""
_STOP_S = 2.0
_NOT_SIMULATED = frozenset({"driver", "name", "at"})


@dataclass(frozen=True, slots=True)
class Simulated:
    """One simulator: which device it stands for, where it listens, and its process."""

    room: str
    device: str
    family: str
    address: str
    pid: int
    command: str
    """Starts it again after it was killed."""


class Simulators:
    """All simulators of a site. `addresses[room][device]` is what the server connects to instead."""

    def __init__(self, site: Path, folder: Path) -> None:
        """`folder` takes each simulator's settings, so that it can be started again by hand."""
        self._site = site
        self._folder = folder
        self._processes: list[asyncio.subprocess.Process] = []
        self.running: list[Simulated] = []

    @property
    def addresses(self) -> Mapping[str, Mapping[str, str]]:
        """Room -> device -> address."""
        found: dict[str, dict[str, str]] = {}
        for item in self.running:
            found.setdefault(item.room, {})[item.device] = item.address
        return found

    async def __aenter__(self) -> Self:
        """Start one process per device of every room, side by side."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        families = find_families(self._site / "drivers")
        secrets = load_secrets(self._site)
        wanted = [
            (folder.name, device, written)
            for folder in sorted(path.parent for path in self._site.glob(f"*/{ROOM_FILE}"))
            for device, written in _devices(folder).items()
            if written.get("driver") in families
        ]
        try:
            started = await asyncio.gather(
                *(self._start(room, device, written, families, secrets) for room, device, written in wanted)
            )
        except BaseException:
            await self._stop()
            raise
        self.running = list(started)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End them."""
        await self._stop()

    async def _start(
        self,
        room: str,
        device: str,
        written: Mapping[str, object],
        families: Mapping[str, Path],
        secrets: Mapping[str, str],
    ) -> Simulated:
        family = str(written["driver"])
        manifest = load_family(families[family]).manifest
        settings = {
            key: secrets.get(value.name) if isinstance(value, Secret) else value
            for key, value in written.items()
            if key not in _NOT_SIMULATED and key in manifest.settings
        }
        scheme = str(written.get("at", "")).partition("://")[0]
        file = self._folder / f"{room}-{device}.json"
        file.touch(mode=0o600)
        file.write_text(json.dumps(_without_names(settings)))
        place = ["--serial"] if scheme == "serial" else ["--port", "0"]
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "smartroom", "simulate", family, *place, "--settings", str(file)),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            start_new_session=True,  # Ctrl-C reaches the server alone; it ends them in its own order
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        self._processes.append(process)
        async with asyncio.timeout(_START_S):
            while True:
                line = (await process.stdout.readline()).decode() if process.stdout else ""
                if not line:
                    message = f"the simulator of {room}/{device} ended at once; run: smartroom simulate {family}"
                    raise RuntimeError(message)
                address = line.rpartition(" listens at ")[2].strip() if " listens at " in line else ""
                if address.startswith(scheme):
                    port = f"--port {address.rpartition(':')[2]}" if scheme != "serial" else "--serial"
                    again = f"smartroom simulate {family} {port} --settings {file}"
                    return Simulated(room, device, family, address, process.pid, again)

    async def _stop(self) -> None:
        for process in self._processes:
            with suppress(ProcessLookupError):
                process.terminate()
        for process in self._processes:
            try:
                async with asyncio.timeout(_STOP_S):
                    await process.wait()
            except TimeoutError:
                _LOG.warning("simulator %d did not end and was killed", process.pid)
                process.kill()
                await process.wait()
        self._processes.clear()


def _devices(folder: Path) -> Mapping[str, Mapping[str, object]]:
    value = read_document(folder / ROOM_FILE).value
    devices = value.get("devices") if isinstance(value, dict) else None
    return devices if isinstance(devices, dict) else {}


def _without_names(settings: Mapping[str, object]) -> dict[str, object]:
    """Presets may carry a name for people; the device knows numbers."""
    found = dict(settings)
    presets = found.get("presets")
    if isinstance(presets, dict):
        found["presets"] = {
            key: {part: item for part, item in value.items() if part != "name"} if isinstance(value, dict) else value
            for key, value in presets.items()
        }
    return found
