"""Simulators in the place of a room's hardware: one process each, so that one can be killed like a real device."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from devices.sdk.catalog import find_families, load_family
from devices.sdk.document import Secret, read_document
from smartroom.control.limits import SIMULATOR_S
from smartroom.control.room.files import ROOM_FILE
from smartroom.control.room.secrets import load_secrets
from smartroom.protocol.base import Value

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


@dataclass(slots=True)
class _Console:
    """Standard input and output of one simulator: a line there, a line back."""

    process: asyncio.subprocess.Process
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    faults: str = ""
    owed: int = 0
    """Answers still to come: one that came too late must not be taken for the next one's."""

    async def say(self, line: str) -> str:
        """One command; returns its answer. ValueError with the simulator's sentence, OSError when it has ended, TimeoutError."""
        feed, answers = self.process.stdin, self.process.stdout
        if feed is None or answers is None or self.process.returncode is not None:
            raise BrokenPipeError("the simulator has ended")
        async with self.lock, asyncio.timeout(SIMULATOR_S):
            answer = ""
            self.owed += 1
            feed.write(f"{line}\n".encode())
            await feed.drain()
            while self.owed:
                answer = (await answers.readline()).decode().strip()
                if not answer:
                    raise BrokenPipeError("the simulator has ended")
                self.owed -= " listens at " not in answer
            if answer.startswith(("error: ", "commands: ")):
                raise ValueError(answer.partition(": ")[2])
            return answer


class Simulators:
    """All simulators of a site. `addresses[room][device]` is what the server connects to instead. Takes faults, as `control.devices.simulation` says."""

    def __init__(self, site: Path, folder: Path) -> None:
        """`folder` takes each simulator's settings, so that it can be started again by hand."""
        self._site = site
        self._folder = folder
        self._consoles: dict[tuple[str, str], _Console] = {}
        self.running: list[Simulated] = []

    @property
    def addresses(self) -> Mapping[str, Mapping[str, str]]:
        """Room -> device -> address."""
        found: dict[str, dict[str, str]] = {}
        for item in self.running:
            found.setdefault(item.room, {})[item.device] = item.address
        return found

    def faults(self, room: str, device: str) -> str | None:
        """Faults a device has now; None for a device that is not simulated."""
        console = self._consoles.get((room, device))
        return console.faults if console else None

    async def switch_faults(self, room: str, device: str, faults: str) -> str:
        """Switch faults; returns those it has then."""
        console = self._consoles[room, device]
        told = await console.say(f"fault {faults}")
        present = told.partition("faults: ")[2]
        console.faults = "" if present == "none" else present
        return console.faults

    async def press_front(self, room: str, device: str, name: str, value: Value) -> str:
        """Change a property as if by hand at the device; returns what it says."""
        word = _word(value)
        if not word or len(word.split()) != 1:
            raise ValueError("a simulator's console takes one word as a value")
        return await self._consoles[room, device].say(f"front {name} {word}")

    async def cut_power(self, room: str, device: str, seconds: float) -> str:
        """Take its power for so long; returns what it says."""
        return await self._consoles[room, device].say(f"power-cut {seconds:g}")

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
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            start_new_session=True,  # Ctrl-C reaches the server alone; it ends them in its own order
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        self._consoles[room, device] = _Console(process)
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
        processes = [console.process for console in self._consoles.values()]
        for process in processes:
            with suppress(ProcessLookupError):
                process.terminate()
        for process in processes:
            try:
                async with asyncio.timeout(_STOP_S):
                    await process.wait()
            except TimeoutError:
                _LOG.warning("simulator %d did not end and was killed", process.pid)
                process.kill()
                await process.wait()
        self._consoles.clear()


def _word(value: Value) -> str:
    """A value as the console reads it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "/".join(map(str, value)) if isinstance(value, list) else str(value)


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
