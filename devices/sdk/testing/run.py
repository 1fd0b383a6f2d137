"""A simulator as a program of its own, controlled by lines on its standard input."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from devices.sdk.catalog import find_families, load_family
from devices.sdk.errors import BadSetting
from devices.sdk.settings import Settings
from devices.sdk.testing.faults import Faults, parse_value
from devices.sdk.testing.rig import required
from devices.sdk.testing.simulator import Simulator

COMMANDS = "fault NAME=VALUE,… | fault none | front PROPERTY VALUE | state | power-cut SECONDS | quit"
MAX_LINE = 1024
_PORT_TRIES = 20


async def run_simulator(
    family: str,
    *,
    host: str = "127.0.0.1",
    port: int | None = None,
    serial: bool | Path = False,
    faults: str = "",
    settings: Mapping[str, object] | None = None,
    announce: Callable[[str], None] = print,
    folders: tuple[Path, ...] = (),
    listen_to_stdin: bool = True,
) -> None:
    """Serve until SIGTERM, SIGINT or `quit`. BadSetting for an unknown family or setting, ValueError for an unknown fault.

    `port` None takes the family's own port, 0 any free one; TCP and UDP as the family speaks them. A setting that must be given and is not takes its example.
    `serial` True makes a pseudo terminal instead, a path makes a link to one there.
    """
    families = find_families(*folders)
    if family not in families:
        raise BadSetting(f"no driver family '{family}'; there are: {', '.join(sorted(families))}", key="driver")
    loaded = load_family(families[family])
    given = settings or {}
    examples = {key: value for key, value in required(loaded.manifest).items() if key not in given}
    simulator = loaded.simulator(
        loaded.manifest, Settings(loaded.manifest, {**examples, **given}), faults=Faults.parse(faults)
    )
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    try:
        async with simulator:
            for address in await serve(simulator, host=host, port=port, serial=serial):
                announce(f"{family} listens at {address}")
            for key, value in examples.items():
                announce(f"{key}: {value} (the example; --set {key}=VALUE for another)")
            if simulator.faults.describe() != "none":
                announce(f"faults: {simulator.faults.describe()}")
            console = _Console(simulator, announce, ended) if listen_to_stdin else None
            try:
                await ended.wait()
            finally:
                if console:
                    console.close()
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


async def serve(
    simulator: Simulator, *, host: str = "127.0.0.1", port: int | None = None, serial: bool | Path = False
) -> list[str]:
    """Open what was asked for; returns addresses as `room.yaml` takes them. BadSetting when it cannot be opened."""
    manifest = simulator.manifest
    if serial and "serial" not in manifest.transports:
        raise BadSetting(f"{manifest.family} speaks over {', '.join(manifest.transports)}, not serial", key="at")
    wanted = port if port is not None else manifest.default_port or 0
    try:
        if serial:
            return [f"serial://{await simulator.serve_pty(serial if isinstance(serial, Path) else None)}"]
        return [address async for address in _sockets(simulator, host, wanted)]
    except OSError as error:
        where = str(serial) if serial else f"{host}:{wanted}"
        hint = "; give another --port" if not serial else ""
        raise BadSetting(f"cannot serve at {where}: {error.strerror}{hint}", key="at") from error


async def _sockets(simulator: Simulator, host: str, port: int) -> AsyncIterator[str]:
    if port == 0 and {"tcp", "udp"} <= set(simulator.manifest.transports):
        port = _free_pair(host)
    for scheme in simulator.manifest.transports:
        if scheme not in {"serial", "memory"}:
            address = await simulator.serve(scheme, host, port)
            port = urlsplit(address).port or port  # TCP and UDP of one device share their number
            yield address


def _free_pair(host: str) -> int:
    """A port that is free for TCP and UDP: the system's choice for the one may be taken for the other. OSError after many tries."""
    for _ in range(_PORT_TRIES - 1):
        with contextlib.suppress(OSError):
            return _probed(host)
    return _probed(host)


def _probed(host: str) -> int:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as udp, socket.socket(family, socket.SOCK_STREAM) as tcp:
        udp.bind((host, 0))
        port = int(udp.getsockname()[1])
        tcp.bind((host, port))
        return port


def obey(simulator: Simulator, line: str) -> str:
    """Carry out one line of the console; returns what to print."""
    words = line.split()
    try:
        match words:
            case []:
                return ""
            case ["fault", *texts]:
                simulator.faults.update(",".join(texts))
                return f"faults: {simulator.faults.describe()}"
            case ["front", name, value]:
                simulator.front_panel(name, parse_value(value))
                return f"{name} = {json.dumps(simulator.snapshot()[name])}"
            case ["state"]:
                return json.dumps(simulator.snapshot())
            case ["power-cut", seconds]:
                simulator.power_cut(float(seconds))
                return f"off for {float(seconds):g} s"
    except ValueError as error:
        return f"error: {error}"
    return f"commands: {COMMANDS}"


class _Console:
    """Lines of standard input, read without blocking and without a task; end of file ends the console, not the simulator."""

    def __init__(self, simulator: Simulator, announce: Callable[[str], None], ended: asyncio.Event) -> None:
        self._simulator = simulator
        self._announce = announce
        self._ended = ended
        self._buffer = b""
        self._loop = asyncio.get_running_loop()
        self._fd: int | None = None
        try:
            self._loop.add_reader(sys.stdin.fileno(), self._readable)
            self._fd = sys.stdin.fileno()
        except (OSError, ValueError):  # a closed or redirected standard input: epoll takes no files
            self._fd = None

    def close(self) -> None:
        """Stop reading."""
        if self._fd is not None:
            self._loop.remove_reader(self._fd)
            self._fd = None

    def _readable(self) -> None:
        chunk = os.read(self._fd or 0, MAX_LINE)
        if not chunk:
            self.close()
            return
        *lines, self._buffer = (self._buffer + chunk).split(b"\n")
        self._buffer = self._buffer[:MAX_LINE]
        for line in lines:
            text = line.decode("utf-8", "replace").strip()
            if text in {"quit", "exit"}:
                self._ended.set()
            elif answer := obey(self._simulator, text):
                self._announce(answer)
