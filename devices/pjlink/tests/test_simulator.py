"""The simulator, judged by a client that others wrote, by the standard's own bytes, and by what it says over UDP."""

import asyncio
import contextlib
import hashlib
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aiopjlink
import pytest
from aiopjlink import PJLink
from aiopjlink.projector import Lamp, Power, Sources

from devices.pjlink.simulator import PJLinkSimulator
from devices.sdk.manifest import load_manifest
from devices.sdk.settings import Settings
from devices.sdk.testing.faults import Faults

MANIFEST = load_manifest(Path(__file__).parent.parent / "driver.yaml")


class Clock:
    """Time that passes when a test says so."""

    now = 1000.0

    def __call__(self) -> float:
        """Seconds."""
        return self.now


@asynccontextmanager
async def projector(
    clock: Callable[[], float] = time.monotonic,
    faults: str = "warmup=0,cooling=0",
    *,
    password: str = "",
    pj_class: str = "2",
) -> AsyncIterator[tuple[PJLinkSimulator, int]]:
    """A projector on a real port of this machine."""
    settings = Settings(MANIFEST, {"password": password, "class": pj_class})
    async with PJLinkSimulator(MANIFEST, settings, faults=Faults.parse(faults), clock=clock) as simulator:
        yield simulator, await simulator.serve_tcp()


@asynccontextmanager
async def raw(port: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A bare connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield reader, writer
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, line: bytes) -> bytes:
    """One exchange."""
    writer.write(line)
    async with asyncio.timeout(2):
        return await reader.readuntil(b"\r")


@pytest.mark.parametrize("password", ["", "JBMIAProjectorLink"])
async def test_foreign_client_drives_every_word(password: str) -> None:
    """`aiopjlink`, which shares no line with us, logs in and drives the projector; the projector's inside agrees with every answer."""
    async with projector(password=password) as (simulator, port), PJLink("127.0.0.1", port, password or None) as link:
        await link.power.turn_on()
        assert await link.power.get() is Power.State.ON
        await link.sources.set(Sources.Mode.DIGITAL, 2)
        assert await link.sources.get() == (Sources.Mode.DIGITAL, "2")
        await link.sources.set(Sources.Mode.INTERNAL, "1", pjclass="2")
        assert await link.sources.get(pjclass="2") == (Sources.Mode.INTERNAL, "1")
        await link.mute.video(muted=True)
        assert await link.mute.status() == (True, False)
        await link.mute.both(muted=True)
        assert await link.mute.status() == (True, True)
        await link.freeze.set(freeze=True)
        assert await link.freeze.get()
        assert (
            simulator.snapshot() | {"power": "on", "input": "internal1", "blank": True, "mute": True, "freeze": True}
            == simulator.snapshot()
        )

        await link.speaker.turn_up()
        await link.microphone.turn_down()
        assert (simulator.projector.speaker, simulator.projector.microphone) == (11, 9)
        assert await link.lamps.status() == [(1234, Lamp.State.ON)]
        assert set((await link.errors.query()).values()) == {aiopjlink.Errors.Level.OK}
        assert (Sources.Mode.DIGITAL, "1", "HDMI 1") in await link.sources.available_with_names()
        assert len(await link.sources.available()) == len(await link.sources.available(pjclass="2")) - 1
        assert await link.sources.resolution() == (1920, 1080)
        assert await link.sources.recommended_resolution() == (1920, 1200)
        assert await link.filter.hours() == 400
        assert await link.filter.replacement_models() == ["FIL-0001"]
        assert await link.lamps.replacement_models() == ["LMP-0001"]
        names = await asyncio.wait_for(link.info.table(), 2)
        assert names["projector_name"] == "Proyektor simulasi"

        await link.power.turn_off()
        assert await link.power.get() is Power.State.OFF


async def test_foreign_client_with_a_wrong_password_is_refused() -> None:
    """A wrong digest is answered `PJLINK ERRA` and the projector hangs up."""
    async with projector(password="rahasia") as (_, port):
        link = PJLink("127.0.0.1", port, "tebakan")
        with pytest.raises(aiopjlink.PJLinkPassword):
            await link.__aenter__()
        link._writer.close()  # it does not close by itself what it could not open
        await link._writer.wait_closed()
        async with raw(port) as (reader, writer):
            await reader.readuntil(b"\r")
            assert await ask(reader, writer, b"%1POWR ?\r") == b"PJLINK ERRA\r"
            assert await reader.read() == b""


async def test_digest_counts_for_the_connection() -> None:
    """The digest stands before the first command only; repeated, it makes a line no command."""
    async with projector(password="JBMIAProjectorLink") as (_, port), raw(port) as (reader, writer):
        greeting = await reader.readuntil(b"\r")
        assert greeting.startswith(b"PJLINK 1 ")
        assert len(greeting) == len(b"PJLINK 1 498e4a67\r")
        digest = hashlib.md5(greeting[9:-1] + b"JBMIAProjectorLink").hexdigest().encode()  # noqa: S324  # the standard's own
        assert await ask(reader, writer, digest + b"%1POWR ?\r") == b"%1POWR=0\r"
        assert await ask(reader, writer, b"%1POWR ?\r") == b"%1POWR=0\r"
        assert await ask(reader, writer, digest + b"%1POWR ?\r") == b"%1POWR=ERR1\r"


async def test_each_error_has_its_reason() -> None:
    """ERR1 unknown, ERR2 out of range, ERR3 not now, ERR4 broken: as section 2.2 says."""
    async with projector(faults="warmup=60,cooling=60") as (simulator, port), raw(port) as (reader, writer):
        await reader.readuntil(b"\r")
        exchanges = [
            (b"%1XXXX ?\r", b"%1XXXX=ERR1\r"),
            (b"%2POWR ?\r", b"%2POWR=ERR1\r"),  # section 2.1: a body of class 1 has header 1
            (b"%1FREZ ?\r", b"%1FREZ=ERR1\r"),
            (b"%1POWR\r", b"%1POWR=ERR1\r"),
            (b"%1POWR 2\r", b"%1POWR=ERR2\r"),
            (b"%2INNM ?99\r", b"%2INNM=ERR2\r"),
            (b"%1INPT ?\r", b"%1INPT=ERR3\r"),
            (b"%1AVMT 11\r", b"%1AVMT=ERR3\r"),
            (b"%1powr 1\r", b"%1POWR=OK\r"),
            (b"%1POWR ?\r", b"%1POWR=3\r"),
            (b"%1POWR 1\r", b"%1POWR=OK\r"),
            (b"%1POWR 0\r", b"%1POWR=ERR3\r"),
            (b"%1INPT 31\r", b"%1INPT=ERR3\r"),
        ]
        for line, reply in exchanges:
            assert await ask(reader, writer, line) == reply
        simulator.projector.power = "1"
        assert await ask(reader, writer, b"%1INPT 39\r") == b"%1INPT=ERR2\r"
        assert (
            await ask(reader, writer, b"%1INPT 61\r") == b"%1INPT=ERR2\r"
        )  # section 4.3: class 1 knows no internal source
        assert await ask(reader, writer, b"%1POWR 0\r") == b"%1POWR=OK\r"
        assert await ask(reader, writer, b"%1POWR 1\r") == b"%1POWR=ERR3\r"  # cooling
        simulator.projector.power, simulator.projector.lamp_fails = "0", True
        assert await ask(reader, writer, b"%1POWR 1\r") == b"%1POWR=ERR4\r"


async def test_class_1_projector_knows_no_class_2() -> None:
    """A class 1 projector answers ERR1 to every `%2` and opens no UDP port."""
    async with projector(pj_class="1") as (_, port), raw(port) as (reader, writer):
        await reader.readuntil(b"\r")
        assert await ask(reader, writer, b"%1CLSS ?\r") == b"%1CLSS=1\r"
        assert await ask(reader, writer, b"%2INPT ?\r") == b"%2INPT=ERR1\r"
        assert b"61" not in await ask(reader, writer, b"%1INST ?\r")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
            free.bind(("127.0.0.1", port))


async def test_lamp_warms_cools_and_ages() -> None:
    """Power is warming, then on, cooling, then off, as time passes; the lamp ages while it is lit and forgets nothing in a power cut."""
    clock = Clock()
    async with projector(clock, "warmup=40,cooling=20") as (simulator, _):
        seen = []
        for name, seconds in [("on", 39), ("", 1), ("", 7200), ("off", 19), ("", 1), ("", 7200)]:
            if name:
                simulator.front_panel("power", name)
            seen.append(simulator.snapshot()["power"])
            clock.now += seconds
        assert seen == ["warming", "warming", "on", "cooling", "cooling", "off"]
        assert simulator.snapshot()["lamp_hours"] == 1236
        simulator.boot()
        assert simulator.snapshot()["lamp_hours"] == 1236


async def test_second_controller_waits_and_has_its_turn() -> None:
    """One controller is served at a time; the next is greeted when the first leaves."""
    async with projector() as (_, port), raw(port) as (second, _), raw(port) as (third, _):
        assert await second.readuntil(b"\r") == b"PJLINK 0\r"
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(third.readuntil(b"\r"), 0.05)
        async with raw(port) as (fourth, _):
            pass
        assert fourth.at_eof() or not await asyncio.wait_for(fourth.read(), 1)
        second._transport.close()  # type: ignore[attr-defined]  # the reader's own side
        assert await asyncio.wait_for(third.readuntil(b"\r"), 1) == b"PJLINK 0\r"


async def test_idle_connection_is_closed_but_a_used_one_is_not() -> None:
    """The projector hangs up so long after its last answer, not after the greeting."""
    async with projector() as (simulator, port):
        simulator.idle_close_s = 0.2
        async with raw(port) as (reader, writer):
            await reader.readuntil(b"\r")
            await asyncio.sleep(0.12)
            assert await ask(reader, writer, b"%1POWR ?\r") == b"%1POWR=0\r"
            await asyncio.sleep(0.12)
            assert await ask(reader, writer, b"%1POWR ?\r") == b"%1POWR=0\r"
            assert await asyncio.wait_for(reader.read(), 1) == b""


async def test_search_and_notifications() -> None:
    """Class 2 over UDP: a search is answered with the address, and who searched hears of power, input, faults and the link."""
    async with projector() as (simulator, port):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as controller:
            controller.setblocking(False)
            controller.connect(("127.0.0.1", port))
            loop = asyncio.get_running_loop()
            controller.send(b"%1SRCH\r")
            controller.send(b"%2SRCH\r")
            controller_port = controller.getsockname()
            heard = [await asyncio.wait_for(loop.sock_recv(controller, 200), 1)]
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as controller:
            controller.setblocking(False)
            controller.bind(controller_port)
            simulator.front_panel("power", "on")
            simulator.front_panel("input", "hdmi1")
            simulator.front_panel("fault", "lamp error, fan warning")
            simulator.booted()
            heard += [await asyncio.wait_for(loop.sock_recv(controller, 200), 1) for _ in range(5)]
        mac = simulator.mac.encode()
        assert heard == [
            b"%2ACKN=" + mac + b"\r",
            b"%2POWR=3\r",
            b"%2POWR=1\r",
            b"%2INPT=31\r",
            b"%2ERST=120000\r",
            b"%2LKUP=" + mac + b"\r",
        ]


@pytest.mark.parametrize(
    ("name", "value"),
    [("power", "warming"), ("input", "hdmi9"), ("blank", 1), ("fault", "lamp sad"), ("colour", "red")],
)
async def test_front_panel_refuses_what_no_hand_can_do(name: str, value: str | int) -> None:
    """A value or property the projector's buttons lack is an error that names it."""
    async with projector() as (simulator, _):
        with pytest.raises(ValueError, match=r"by hand|is no fault"):
            simulator.front_panel(name, value)


async def test_flood_without_a_line_end_is_forgotten() -> None:
    """Endless bytes without CR fill no memory, and the next command is answered."""
    async with projector() as (simulator, port), raw(port) as (reader, writer):
        await reader.readuntil(b"\r")
        writer.write(b"x" * 100_000)
        assert await ask(reader, writer, b"\r%1POWR ?\r") == b"%1POWR=0\r"
        assert all(len(visit.unread) <= 168 for visit in simulator._visits.values())


async def test_lies_acknowledge_and_change_nothing() -> None:
    """With the fault `lie` a command is acknowledged as ever, and the projector stays as it was."""
    async with projector(faults="warmup=0,lie") as (simulator, port), raw(port) as (reader, writer):
        await reader.readuntil(b"\r")
        assert await ask(reader, writer, b"%1POWR 1\r") == b"%1POWR=OK\r"
        assert await ask(reader, writer, b"%1POWR ?\r") == b"%1POWR=0\r"
        assert simulator.snapshot()["power"] == "off"
