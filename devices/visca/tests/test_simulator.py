"""The simulated camera against bytes, without our driver: any conforming controller must get along with it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import pytest

from devices.sdk.settings import Settings
from devices.visca.head import Head
from devices.visca.simulator import Quirk, ViscaSimulator
from devices.visca.tests.rig import FAMILY

LIMIT_S = 3.0


class Line:
    """A controller that writes and reads hex."""

    def __init__(self, camera: ViscaSimulator, port: int, kind: socket.SocketKind) -> None:
        self.camera = camera
        self.port = port
        self._socket = socket.socket(socket.AF_INET, kind)
        self._socket.setblocking(False)

    async def open(self) -> None:
        """Connect."""
        await asyncio.get_running_loop().sock_connect(self._socket, ("127.0.0.1", self.port))

    async def send(self, wire: str) -> None:
        """Write."""
        await asyncio.get_running_loop().sock_sendall(self._socket, bytes.fromhex(wire))

    async def hear(self, wire: str) -> None:
        """Read exactly these bytes."""
        expected, heard = bytes.fromhex(wire), b""
        async with asyncio.timeout(LIMIT_S):
            while len(heard) < len(expected):
                heard += await asyncio.get_running_loop().sock_recv(self._socket, len(expected) - len(heard) or 1)
        assert heard.hex(" ") == expected.hex(" ")

    async def talk(self, out: str, back: str) -> None:
        """Write, then read exactly this."""
        await self.send(out)
        await self.hear(back)

    def close(self) -> None:
        """Hang up."""
        self._socket.close()


@asynccontextmanager
async def line(
    kind: socket.SocketKind = socket.SOCK_STREAM, settings: Mapping[str, object] | None = None, pace: float = 100
) -> AsyncIterator[Line]:
    """A camera and a controller joined by TCP or UDP."""
    async with ViscaSimulator(FAMILY.manifest, Settings(FAMILY.manifest, settings or {})) as camera:
        camera.speed_up(pace)
        port = await (camera.serve_tcp() if kind is socket.SOCK_STREAM else camera.serve_udp())
        one = Line(camera, port, kind)
        await one.open()
        try:
            yield one
        finally:
            one.close()


async def test_answers() -> None:
    """Inquiries are answered at once and take no socket."""
    async with line() as it:
        it.camera.head.motors["pan"].put(-1111)
        it.camera.head.motors["zoom"].put(0x1234)
        await it.talk("81 09 04 00 FF", "90 50 02 FF")
        await it.talk("81 09 06 12 FF", "90 50 0F 0B 0A 09 00 00 00 00 FF")
        await it.talk("81 09 04 47 FF", "90 50 01 02 03 04 FF")
        await it.talk("81 09 00 02 FF", "90 50 00 01 05 13 01 02 02 FF")


@pytest.mark.parametrize(
    ("out", "back"),
    [
        ("81 FF", "90 60 01 FF"),
        ("81" + " 01" * 15 + " FF", "90 60 01 FF"),
        ("81 09 7F FF", "90 60 02 FF"),
        ("81 01 7F FF", "90 60 02 FF"),
        ("81 33 44 FF", "90 60 02 FF"),
        ("81 01 06 01 19 01 01 01 FF", "90 60 02 FF"),
        ("81 01 06 01 00 01 01 01 FF", "90 60 02 FF"),
        ("81 01 06 01 01 01 04 01 FF", "90 60 02 FF"),
        ("81 01 06 02 18 14 07 0F 0F 0F 00 00 00 00 FF", "90 60 02 FF"),
        ("81 01 06 02 18 14 10 00 00 00 00 00 00 00 FF", "90 60 02 FF"),
        ("81 01 04 47 07 00 00 00 FF", "90 60 02 FF"),
        ("81 01 04 07 28 FF", "90 60 02 FF"),
        ("81 01 04 3F 02 80 FF", "90 60 02 FF"),
        ("81 01 04 3F 02 10 FF", "90 60 41 FF"),
        ("81 21 FF", "90 61 05 FF"),
    ],
)
async def test_strict_reader(out: str, back: str) -> None:
    """What is wrong is refused with the camera's own code, and the next inquiry works."""
    async with line() as it:
        await it.talk(out, back)
        await it.talk("81 09 04 00 FF", "90 50 02 FF")


async def test_two_sockets_and_a_full_buffer() -> None:
    """Two motions run, a third is refused, completions come when each motor stands still."""
    async with line(pace=10) as it:
        await it.talk("81 01 06 02 18 14 00 09 00 00 00 00 00 00 FF", "90 41 FF")
        await it.talk("81 01 04 47 01 00 00 00 FF", "90 42 FF")
        await it.talk("81 01 06 04 FF", "90 60 03 FF")
        await it.hear("90 52 FF 90 51 FF")
        assert it.camera.snapshot()["position"] == (0x900, 0)


async def test_cancel() -> None:
    """Cancel stops the motors of that socket, and nothing is completed later."""
    async with line(pace=1) as it:
        await it.talk("81 01 06 02 18 14 00 09 00 00 00 00 00 00 FF", "90 41 FF")
        await it.talk("81 21 FF", "90 61 04 FF")
        assert it.camera.head.remaining(Head.ALL) == 0
        await it.talk("81 09 04 00 FF", "90 50 02 FF")


async def test_presets_are_stored() -> None:
    """Set, move away, recall, reset: the wire tells the same as the state."""
    async with line() as it:
        await it.talk("81 01 06 02 18 14 00 00 06 04 00 00 03 02 FF", "90 41 FF 90 51 FF")
        await it.talk("81 01 04 3F 01 05 FF", "90 41 FF 90 51 FF")
        await it.talk("81 01 06 04 FF", "90 41 FF 90 51 FF")
        await it.talk("81 01 04 3F 02 05 FF", "90 41 FF 90 51 FF")
        await it.talk("81 09 06 12 FF", "90 50 00 00 06 04 00 00 03 02 FF")
        assert it.camera.snapshot()["preset"] == 5
        await it.talk("81 01 04 3F 00 05 FF", "90 41 FF 90 51 FF")
        assert it.camera.snapshot()["preset"] is None


async def test_standby() -> None:
    """In standby only power is answered; waking up takes its time."""
    async with line(pace=40) as it:
        await it.talk("81 01 04 00 03 FF", "90 41 FF 90 51 FF")
        await it.talk("81 09 04 00 FF", "90 50 03 FF")
        await it.talk("81 09 06 12 FF", "90 60 41 FF")
        await it.talk("81 01 06 04 FF", "90 60 41 FF")
        await it.talk("81 01 04 00 02 FF", "90 41 FF")
        await it.talk("81 09 04 00 FF", "90 50 03 FF")
        await it.hear("90 51 FF")
        await it.talk("81 09 04 00 FF", "90 50 02 FF")


async def test_driving() -> None:
    """A drive goes on until it is stopped or the end is reached; up is positive, left negative."""
    async with line(pace=1) as it:
        await it.talk("81 01 06 01 18 14 01 01 FF", "90 41 FF 90 51 FF")
        async with asyncio.timeout(LIMIT_S):
            while it.camera.head.place()[0] > -20:
                await asyncio.sleep(0.005)
        await it.talk("81 01 06 01 01 01 03 03 FF", "90 41 FF 90 51 FF")
        pan, tilt, _ = it.camera.head.place()
        assert pan < 0 < tilt
        assert it.camera.head.remaining(Head.ALL) == 0


async def test_habits_of_field_clients() -> None:
    """Speed 0 in a stop, and a buffer clear without broadcast: cameras accept both."""
    async with line() as it:
        await it.talk("81 01 06 01 00 00 03 03 FF", "90 41 FF 90 51 FF")
        await it.talk("81 01 00 01 FF", "90 50 FF")


async def test_chain() -> None:
    """Broadcasts go round; packets to other cameras are passed on in silence."""
    async with line(settings={"address": 3}) as it:
        await it.talk("88 30 01 FF", "88 30 04 FF")
        await it.talk("88 01 00 01 FF", "88 01 00 01 FF")
        await it.send("81 09 04 00 FF")
        await it.talk("83 09 04 00 FF", "B0 50 02 FF")


async def test_split_and_joined() -> None:
    """A stream may be cut anywhere and hold several packets."""
    async with line() as it:
        await it.send("81 09 04")
        await asyncio.sleep(0.01)
        await it.talk("00 FF 81 09 04 00 FF", "90 50 02 FF 90 50 02 FF")


async def test_two_controllers() -> None:
    """Several controllers share the sockets; each hears its own replies only."""
    async with line(pace=10) as it:
        other = Line(it.camera, it.port, socket.SOCK_STREAM)
        await other.open()
        await it.talk("81 01 06 02 18 14 00 09 00 00 00 00 00 00 FF", "90 41 FF")
        await other.talk("81 01 04 47 04 00 00 00 FF", "90 42 FF")
        await it.hear("90 51 FF")
        await other.hear("90 52 FF")
        other.close()


# -- Sony's header --


async def test_sony_talk() -> None:
    """RESET, a motion, an inquiry: every reply bears the number of its command."""
    async with line(socket.SOCK_DGRAM) as it:
        await it.talk("02 00 00 01 00 00 00 00 01", "02 01 00 01 00 00 00 00 01")
        await it.talk("01 00 00 05 00 00 00 00 81 01 06 04 FF", "01 11 00 03 00 00 00 00 90 41 FF")
        await it.hear("01 11 00 03 00 00 00 00 90 51 FF")
        await it.talk("01 10 00 05 00 00 00 01 81 09 04 00 FF", "01 11 00 04 00 00 00 01 90 50 02 FF")
        await it.talk("01 00 00 05 00 00 00 05 81 09 04 00 FF", "01 11 00 04 00 00 00 05 90 50 02 FF")


async def test_sony_refuses_a_repetition() -> None:
    """The same or an older number is abnormal and nothing is carried out; RESET makes any number good again; FFFFFFFF is followed by 0."""
    async with line(socket.SOCK_DGRAM) as it:
        store = "01 00 00 07 {} 81 01 04 3F 01 05 FF"
        await it.talk(store.format("FF FF FF FF"), "01 11 00 03 FF FF FF FF 90 41 FF")
        await it.hear("01 11 00 03 FF FF FF FF 90 51 FF")
        it.camera.stored.clear()
        await it.talk(store.format("FF FF FF FF"), "02 01 00 02 FF FF FF FF 0F 01")
        assert not it.camera.stored
        await it.talk(store.format("00 00 00 00"), "01 11 00 03 00 00 00 00 90 41 FF")
        await it.hear("01 11 00 03 00 00 00 00 90 51 FF")
        await it.talk("02 00 00 01 00 00 00 09 01", "02 01 00 01 00 00 00 09 01")
        await it.talk(store.format("00 00 00 00"), "01 11 00 03 00 00 00 00 90 41 FF")


@pytest.mark.parametrize(
    "out",
    [
        "01 00 00 06 00 00 00 01 81 01 06 04 FF",
        "01 20 00 05 00 00 00 01 81 01 06 04 FF",
        "01 00 00 05 00 00 00 01 81 01 06 04 00",
        "02 00 00 01 00 00 00 01 02",
    ],
)
async def test_sony_message_abnormal(out: str) -> None:
    """A header that lies, an unknown type or a packet without end is abnormal."""
    async with line(socket.SOCK_DGRAM) as it:
        await it.talk(out, "02 01 00 02 00 00 00 01 0F 02")


async def test_quirk_stray_completion() -> None:
    """A completion for a socket that was never opened can be produced."""
    async with line() as it:
        it.camera.quirks.add(Quirk.STRAY_COMPLETION)
        await it.talk("81 01 04 3F 01 05 FF", "90 52 FF 90 41 FF 90 51 FF")


async def test_quirk_torn_reply() -> None:
    """A network change in the middle of a reply can be produced."""
    async with line() as it:
        it.camera.quirks.add(Quirk.TORN_REPLY)
        await it.talk("81 09 04 47 FF", "90 50 00 90 38 FF 00 00 00 FF")


async def test_remote_control() -> None:
    """The infrared remote moves it and nobody is told; what it cannot do is said."""
    async with line() as it:
        it.camera.front_panel("position", (100, 50))
        it.camera.front_panel("zoom", 300)
        it.camera.front_panel("power", "off")
        with pytest.raises(ValueError, match="preset"):
            it.camera.front_panel("preset", 99)
        assert it.camera.snapshot()["power"] == "off"


def test_head_is_as_fast_as_a_real_one() -> None:
    """From end to end a head needs seconds: 340 degrees at 100 degrees a second."""
    now = 0.0
    head = Head(lambda: now)
    head.motors["pan"].put(-2448)
    head.go(pan=2448)
    assert 3.0 < head.remaining(Head.ALL) < 4.0
    now = 1.0
    assert head.place()[0] == -2448 + 1440
    head.stop(Head.PAN_TILT)
    now = 2.0
    assert head.place()[0] == -2448 + 1440
