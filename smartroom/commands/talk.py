"""`smartroom drivers talk`: one device at a keyboard, with every byte on the wire."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import AsyncIterator, Callable, Mapping
from time import monotonic

from devices.sdk.catalog import Family, open_session
from devices.sdk.commands import Act, Set
from devices.sdk.connection import LinkState, LinkStatus, Traffic
from devices.sdk.errors import DeviceError
from devices.sdk.manifest import ValueType
from devices.sdk.readings import Reading, Value
from devices.sdk.session import Session
from devices.sdk.testing.faults import parse_value

HELP = """\
route.2 = 1             set, then read back
route.2                 ask
all                     everything known
do NAME key=value …     an action
link                    the connection's state
quit"""
MAX_SHOWN = 512
"""Bytes of one chunk that are printed; a long prelude is cut."""


async def talk(
    family: Family, at: str, settings: Mapping[str, object], lines: AsyncIterator[str], say: Callable[[str], None]
) -> None:
    """Connect to a device and obey typed lines until they end. BadSetting when settings or address cannot be used."""
    told = _Teller(say)
    session = open_session(family, settings, at, told)
    async with asyncio.TaskGroup() as tasks:
        life = tasks.create_task(session.run(), name="talk")
        try:
            await told.settled.wait()  # ready, or why not: both are printed
            async for line in lines:
                if line.strip() in {"quit", "exit"}:
                    break
                await _obey(session, line.strip(), say)
        finally:
            life.cancel()


async def typed() -> AsyncIterator[str]:
    """Lines of standard input."""
    queue: asyncio.Queue[str] = asyncio.Queue()
    loop = asyncio.get_running_loop()

    def read() -> None:
        for line in iter(sys.stdin.readline, ""):
            loop.call_soon_threadsafe(queue.put_nowait, line)
        loop.call_soon_threadsafe(queue.put_nowait, "quit")

    # A daemon: nobody can interrupt a blocking read, and the program must end all the same.
    threading.Thread(target=read, name="standard input", daemon=True).start()
    while True:
        yield await queue.get()


def shown(payload: bytes) -> str:
    """Bytes for a person: text with escapes, or hex where most of it is none."""
    more = " …" if len(payload) > MAX_SHOWN else ""
    payload = payload[:MAX_SHOWN]
    readable = sum(32 <= byte < 127 or byte in b"\r\n\t\0" for byte in payload)
    if readable * 2 <= len(payload):
        return payload.hex(" ").upper() + more
    return payload.decode("latin-1").encode("unicode_escape").decode("ascii").replace("\\x00", "\\0") + more


class _Teller:
    """Prints what a session tells."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self.settled = asyncio.Event()
        self._say = say
        self._state: LinkState | None = None

    def reading(self, reading: Reading) -> None:
        self._say(f"    {reading.property} = {_written(reading.value)}  ({reading.source})")

    def link(self, status: LinkStatus) -> None:
        if status.state is not self._state:
            self._say(f"-- {status.state}" + (f": {status.error}" if status.error else ""))
        self._state = status.state
        if status.state in (LinkState.READY, LinkState.OFFLINE, LinkState.REFUSED):
            self.settled.set()

    def traffic(self, traffic: Traffic) -> None:
        arrow, note = (">", f"  [{traffic.note}]" if traffic.note else "") if traffic.direction == "out" else ("<", "")
        self._say(f"{arrow} {shown(traffic.payload)}{note}")

    def learned(self, key: str, value: Value) -> None:
        self._say(f"    learned {key} = {_written(value)}")


async def _obey(session: Session, line: str, say: Callable[[str], None]) -> None:
    began = monotonic()
    try:
        said = await _answer(session, line)
    except DeviceError as error:
        said = f"{error.code}: {error}"
    if said:
        say(f"{said}  [{(monotonic() - began) * 1000:.0f} ms]" if line not in {"", "help", "all", "link"} else said)


async def _answer(session: Session, line: str) -> str:
    name, equals, value = (part.strip() for part in line.partition("="))
    match line.split():
        case []:
            return ""
        case ["help"]:
            return f"{HELP}\n{', '.join(session.driver.properties())}"
        case ["all"]:
            return "\n".join(_known(session, item) for item in session.driver.properties())
        case ["link"]:
            return f"{session.status.state}, connection {session.epoch}"
        case ["do", action, *pairs]:
            arguments = {key: parse_value(text) for key, _, text in (pair.partition("=") for pair in pairs)}
            await session.execute(Act(action, arguments), wait_done=True)
            return "done"
    if not equals:
        return _read(await session.read(name))
    await session.execute(Set(name, _typed(session, name, value)))
    if not session.driver.spec(name).readable:
        return f"sent; {name} cannot be read back, so nobody confirmed it"
    return _read(await session.read(name))


def _typed(session: Session, name: str, text: str) -> Value:
    """What a person typed for a property; `1` for a number, `1` for a text too where it is one."""
    return text if session.driver.spec(name).type in (ValueType.TEXT, ValueType.CHOICE) else parse_value(text)


def _known(session: Session, name: str) -> str:
    reading = session.reading(name)
    if reading is None:
        return f"{name}: unsupported" if name in session.unsupported else f"{name}: unknown"
    return f"{name} = {_written(reading.value)}  ({reading.source})"


def _read(reading: Reading) -> str:
    return f"{reading.property} is {_written(reading.value)}"


def _written(value: Value) -> str:
    return "unknown" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
