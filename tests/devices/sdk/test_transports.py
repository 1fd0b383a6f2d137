"""Lines of this machine: what is set on a socket, who owns a port, who gets a datagram."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
import tty
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import cast

import pytest

from devices.sdk import Address, BadSetting, PortInUse, Unreachable
from devices.sdk.transport import locks, serial, tcp
from devices.sdk.transport.base import MAX_UNREAD, Inbox, open_transport
from devices.sdk.transport.locks import PortLock


@pytest.fixture(autouse=True)
def lock_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Locks of a test stay in its folder."""
    monkeypatch.setenv("SMARTROOM_LOCKS", str(tmp_path))
    return tmp_path


@contextlib.contextmanager
def held(code: str) -> Iterator[subprocess.Popen[bytes]]:
    """Another process that has done `code` and keeps what it got."""
    program = f"{code}; print('held', flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        yield other
        other.kill()


@pytest.fixture
def pty() -> Iterator[tuple[int, str]]:
    """Our end of a pseudo terminal, and the name of the other."""
    ours, theirs = os.openpty()
    tty.setraw(theirs)
    yield ours, os.ttyname(theirs)
    os.close(theirs)
    with contextlib.suppress(OSError):  # the test may have unplugged it
        os.close(ours)


async def test_a_dead_peer_is_found_by_the_kernel() -> None:
    """Keepalive 2/1/3 and TCP_USER_TIMEOUT stand on every device socket: a blackholed peer is dead within 5 s."""
    async with await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        line = await tcp.open(Address("tcp", "127.0.0.1", port))
        assert line._transport is not None
        connection = line._transport.get_extra_info("socket")
        options = (
            socket.TCP_KEEPIDLE,
            socket.TCP_KEEPINTVL,
            socket.TCP_KEEPCNT,
            socket.TCP_USER_TIMEOUT,
            socket.TCP_NODELAY,
        )
        set_to = [connection.getsockopt(socket.IPPROTO_TCP, option) for option in options]
        alive = connection.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        with pytest.raises(Unreachable, match="hung up"):
            await line.receive()
        line.close()
        line.close()
    assert set_to == [2, 1, 3, tcp.USER_TIMEOUT_MS, 1]
    assert tcp.USER_TIMEOUT_MS <= 4000
    assert alive == 1


async def test_a_flood_is_held_back() -> None:
    """A device that talks without end fills no memory: reading pauses, and goes on when somebody reads."""
    flood = b"x" * 65536

    async def talk(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(64):
            writer.write(flood)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(talk, "127.0.0.1", 0) as server:
        line = await tcp.open(Address("tcp", "127.0.0.1", server.sockets[0].getsockname()[1]))
        await asyncio.sleep(0.05)
        assert line._inbox._size < MAX_UNREAD + 256 * 1024 + 1
        total = 0
        async with asyncio.timeout(10):
            while total < 64 * len(flood):
                total += len(await line.receive())
        line.close()


async def test_a_refused_connection_is_explained() -> None:
    """The technician reads what to look at."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        with pytest.raises(Unreachable, match="refuses connections"):
            await open_transport(Address("tcp", "127.0.0.1", unused.getsockname()[1]))


async def test_the_inbox_gives_the_first_reason() -> None:
    """What came before the end is still delivered, then why it ended."""
    inbox = Inbox()
    inbox.put(b"last words")
    inbox.end(Unreachable("first"))
    inbox.end(Unreachable("second"))
    assert await inbox.get() == b"last words"
    with pytest.raises(Unreachable, match="first"):
        await inbox.get()


async def test_a_listener_hears_at_once_and_is_told_the_end() -> None:
    """First what waited, then each chunk the moment it is put; what the listener breaks ends its listening, not the line's callback."""
    inbox, heard = Inbox(), list[bytes]()
    inbox.put(b"before")
    listening = asyncio.create_task(inbox.listen(heard.append))
    await asyncio.sleep(0)
    inbox.put(b"now")
    assert heard == [b"before", b"now"]
    inbox.end(Unreachable("over"))
    with pytest.raises(Unreachable, match="over"):
        await listening

    broken = Inbox()
    listening = asyncio.create_task(broken.listen(heard.remove))
    await asyncio.sleep(0)
    broken.put(b"never heard of")
    with pytest.raises(ValueError, match="not in list"):
        await listening


class Camera(asyncio.DatagramProtocol):
    """Answers every datagram with its own name."""

    def __init__(self, name: bytes) -> None:
        self.name = name

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Callback of the loop."""
        self.transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Callback of the loop."""
        self.transport.sendto(self.name + data, addr)


async def test_one_local_port_serves_several_cameras() -> None:
    """`?local=` binds once; each camera's datagrams reach its own device, and the last one closes the port."""
    loop = asyncio.get_running_loop()
    with socket.socket(type=socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        local = str(free.getsockname()[1])
    cameras = [await loop.create_datagram_endpoint(partial(Camera, name), ("127.0.0.1", 0)) for name in (b"a", b"b")]
    lines = []
    for transport, _ in cameras:
        port = transport.get_extra_info("sockname")[1]
        lines.append(await open_transport(Address("udp", "127.0.0.1", port, options={"local": local})))
    for line in lines:
        await line.send(b"?")
    async with asyncio.timeout(2):
        assert [await line.receive() for line in lines] == [b"a?", b"b?"]
    for line in lines:
        line.close()
        line.close()
    await asyncio.sleep(0)
    with socket.socket(type=socket.SOCK_DGRAM) as again:
        again.bind(("0.0.0.0", int(local)))
    for transport, _ in cameras:
        transport.close()


async def test_a_taken_local_port_is_a_matter_of_configuration() -> None:
    """Another program on 52381: said so."""
    with socket.socket(type=socket.SOCK_DGRAM) as taken:
        taken.bind(("0.0.0.0", 0))
        address = Address("udp", "127.0.0.1", 9, options={"local": str(taken.getsockname()[1])})
        with pytest.raises(PortInUse, match="taken by another program"):
            await open_transport(address)
    with pytest.raises(BadSetting, match="is not a port"):
        await open_transport(Address("udp", "127.0.0.1", 9, options={"local": "x"}))


async def test_a_closed_udp_port_is_noticed() -> None:
    """The ICMP refusal of a device that is switched off ends the line."""
    with socket.socket(type=socket.SOCK_DGRAM) as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    line = await open_transport(Address("udp", "127.0.0.1", port))
    await line.send(b"?")
    with pytest.raises(Unreachable, match="refuses datagrams"):
        async with asyncio.timeout(2):
            await line.receive()
    line.close()


async def test_bytes_pass_a_serial_port(pty: tuple[int, str]) -> None:
    """Both ways, and nothing is lost when much is written at once."""
    ours, name = pty
    line = await open_transport(Address("serial", path=name, options={"baud": "38400", "parity": "even"}))
    await line.send(b"1*3!")
    assert os.read(ours, 100) == b"1*3!"
    os.write(ours, b"Out03 In01 All\r\n")
    async with asyncio.timeout(2):
        assert await line.receive() == b"Out03 In01 All\r\n"
    line.close()
    line.close()


async def test_an_unplugged_adapter_is_noticed_at_once(pty: tuple[int, str]) -> None:
    """The read fails as soon as the line is gone, and so does a write."""
    ours, name = pty
    line = await open_transport(Address("serial", path=name))
    os.close(ours)
    async with asyncio.timeout(2):
        with pytest.raises(Unreachable, match="unplugged"):
            await line.receive()
    with pytest.raises(Unreachable):
        await line.send(b"x")
    line.close()


async def test_a_port_has_one_owner_who_is_named(pty: tuple[int, str]) -> None:
    """The second opener is refused with the first one's program and process; after a close the port is free."""
    _, name = pty
    address = Address("serial", path=name)
    first = await open_transport(address)
    with pytest.raises(PortInUse, match=rf"pid {os.getpid()}"):
        await open_transport(address)
    first.close()
    second = await open_transport(address)
    second.close()


async def test_another_process_is_refused_and_named(pty: tuple[int, str], tmp_path: Path) -> None:
    """Two servers, one adapter: the other program's name stands in the error, and its death frees the port."""
    _, name = pty
    with held(f"from devices.sdk.transport.locks import PortLock; PortLock.acquire({name!r})") as other:
        with pytest.raises(PortInUse) as refused:
            await open_transport(Address("serial", path=name))
        assert f"(pid {other.pid})" in str(refused.value)
    line = await open_transport(Address("serial", path=name))
    line.close()


def test_two_names_of_one_adapter_meet_in_one_lock(pty: tuple[int, str], tmp_path: Path) -> None:
    """`/dev/serial/by-id/...` is a link: the lock is on what it points at."""
    _, name = pty
    link = tmp_path / "by-id"
    link.symlink_to(name)
    assert locks.lock_path(str(link)) == locks.lock_path(name)
    lock = PortLock.acquire(name)
    with pytest.raises(PortInUse):
        PortLock.acquire(str(link))
    lock.release()
    lock.release()


async def test_a_program_that_knows_no_locks_is_named_too(pty: tuple[int, str]) -> None:
    """A terminal program that holds the port exclusively is found in /proc."""
    _, name = pty
    with (
        held(f"import serial; port = serial.Serial({name!r}, exclusive=True)") as other,
        pytest.raises(PortInUse, match=rf"pid {other.pid}"),
    ):
        await open_transport(Address("serial", path=name))


@pytest.mark.parametrize("options", [{"baud": "fast"}, {"bits": "9"}, {"parity": "mark"}, {"stop": "3"}])
async def test_a_wrong_line_setting_is_explained(options: dict[str, str]) -> None:
    """Before the port is touched."""
    with pytest.raises(BadSetting) as error:
        await open_transport(Address("serial", path="/dev/null", options=options))
    assert error.value.key == "at"


async def test_a_missing_adapter_is_explained() -> None:
    """With the folder to look in."""
    with pytest.raises(Unreachable, match="by-id"):
        await open_transport(Address("serial", path="/dev/serial/by-id/nothing"))


def test_the_latency_of_an_ftdi_adapter_is_lowered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """16 ms by default: 1 ms where the system lets us."""
    timer = tmp_path / "ttyUSB7" / "device" / "latency_timer"
    timer.parent.mkdir(parents=True)
    timer.write_text("16")
    monkeypatch.setattr(serial, "TTY_CLASS", tmp_path)
    serial._lower_latency("/dev/ttyUSB7")
    assert timer.read_text() == "1"
