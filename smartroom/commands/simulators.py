"""Simulators in the place of a room's hardware: one process each, so that one can be killed like a real device; all forked by one nursery."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import socket
import sys
from collections.abc import Mapping
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from devices.sdk.catalog import find_families, load_family
from devices.sdk.document import Secret, read_document
from smartroom.commands.nursery import Birth, order
from smartroom.control.limits import SIMULATOR_S
from smartroom.control.room.files import ROOM_FILE
from smartroom.control.room.secrets import load_secrets
from smartroom.protocol.base import Value

_LOG = logging.getLogger(__name__)

_START_S = 20.0
"""The nursery is a Python program: seconds on a busy machine."""
_STOP_S = 3.0
"""The nursery gives its children half of it."""
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


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A device of a room's file that a simulator shall stand for."""

    room: str
    device: str
    family: str
    settings: Mapping[str, object]
    scheme: str
    file: Path


@dataclass(slots=True)
class _Console:
    """Standard input and output of one simulator: a line there, a line back."""

    answers: asyncio.StreamReader
    feed: asyncio.StreamWriter
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    faults: str = ""
    owed: int = 0
    """Answers still to come: one that came too late must not be taken for the next one's."""

    async def say(self, line: str) -> str:
        """One command; returns its answer. ValueError with the simulator's sentence, OSError when it has ended, TimeoutError."""
        async with self.lock, asyncio.timeout(SIMULATOR_S):
            answer = ""
            self.owed += 1
            self.feed.write(f"{line}\n".encode())
            await self.feed.drain()
            while self.owed:
                answer = (await self.answers.readline()).decode().strip()
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
        self._nursery: asyncio.subprocess.Process | None = None
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
        """Start one process per device of every room."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        families = find_families(self._site / "drivers")
        secrets = load_secrets(self._site)
        wanted = [
            self._wanted(folder.name, device, written, families, secrets)
            for folder in sorted(path.parent for path in self._site.glob(f"*/{ROOM_FILE}"))
            for device, written in _devices(folder).items()
            if written.get("driver") in families
        ]
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self._stop)
            async with asyncio.timeout(_START_S):
                await self._bear(wanted)
                self.running = [await self._listening(item) for item in wanted]
            stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End them."""
        await self._stop()

    def _wanted(
        self,
        room: str,
        device: str,
        written: Mapping[str, object],
        families: Mapping[str, Path],
        secrets: Mapping[str, str],
    ) -> _Wanted:
        family = str(written["driver"])
        manifest = load_family(families[family]).manifest
        settings = _without_names(
            {
                key: secrets.get(value.name) if isinstance(value, Secret) else value
                for key, value in written.items()
                if key not in _NOT_SIMULATED and key in manifest.settings
            }
        )
        file = self._folder / f"{room}-{device}.json"
        file.touch(mode=0o600)
        file.write_text(json.dumps(settings))
        return _Wanted(room, device, family, settings, str(written.get("at", "")).partition("://")[0], file)

    async def _bear(self, wanted: list[_Wanted]) -> None:
        """One nursery forks them all; each keeps one end of a line to us."""
        births: list[Birth] = []
        ends: list[socket.socket] = []
        for item in wanted:
            ours, theirs = socket.socketpair()
            ends.append(theirs)
            self._consoles[item.room, item.device] = _Console(*await asyncio.open_connection(sock=ours))
            births.append(Birth(item.family, item.settings, item.scheme == "serial", theirs.fileno()))
        self._nursery = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "smartroom.commands.nursery"),
            stdin=asyncio.subprocess.PIPE,
            pass_fds=[end.fileno() for end in ends],
            start_new_session=True,  # Ctrl-C reaches the server alone; it ends them in its own order
        )
        for end in ends:
            end.close()
        assert self._nursery.stdin is not None
        self._nursery.stdin.write(order(births, self._site / "drivers"))
        await self._nursery.stdin.drain()

    async def _listening(self, item: _Wanted) -> Simulated:
        answers, pid = self._consoles[item.room, item.device].answers, 0
        while True:
            line = (await answers.readline()).decode().strip()
            if not line:
                raise RuntimeError(
                    f"the simulator of {item.room}/{item.device} ended at once; run: smartroom simulate {item.family}"
                )
            if line.startswith("born "):
                pid = int(line.removeprefix("born "))
            address = line.rpartition(" listens at ")[2] if " listens at " in line else ""
            if address.startswith(item.scheme):
                port = f"--port {address.rpartition(':')[2]}" if item.scheme != "serial" else "--serial"
                own = f" --drivers {self._site / 'drivers'}" if (self._site / "drivers").is_dir() else ""
                again = f"smartroom simulate {item.family} {port}{own} --settings {item.file}"
                return Simulated(item.room, item.device, item.family, address, pid, again)

    async def _stop(self) -> None:
        """The nursery's standard input ends, it ends its children; what is left is killed."""
        for console in self._consoles.values():
            console.feed.close()
        self._consoles.clear()
        if self._nursery is None:
            return
        assert self._nursery.stdin is not None
        self._nursery.stdin.close()
        try:
            async with asyncio.timeout(_STOP_S):
                await self._nursery.wait()
        except TimeoutError:
            _LOG.warning("simulators did not end and were killed")
        with suppress(ProcessLookupError):
            os.killpg(self._nursery.pid, signal.SIGKILL)
        await self._nursery.wait()
        self._nursery = None


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
