"""Serial ports: pyserial sets the line up, the event loop moves the bytes."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import termios
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypedDict

import serial

from devices.sdk.address import Address
from devices.sdk.errors import BadSetting, PortInUse, Unreachable
from devices.sdk.transport.base import SEND_LIMIT_S, Inbox
from devices.sdk.transport.locks import PortLock, holders

CHUNK = 4096
MAX_UNSENT = 4096
"""At 9600 baud four seconds of bytes; no command is near that."""
TTY_CLASS = Path("/sys/class/tty")
DEFAULT_BAUD = 9600
_BITS = {"5", "6", "7", "8"}
_PARITY = {"none": serial.PARITY_NONE, "even": serial.PARITY_EVEN, "odd": serial.PARITY_ODD}
_STOP = {"1": serial.STOPBITS_ONE, "2": serial.STOPBITS_TWO}


async def open(address: Address) -> SerialTransport:  # noqa: A001  # every transport module has `open`
    """Open exclusively; PortInUse names the owner, Unreachable an adapter that is not there, BadSetting a wrong option."""
    line = _line(address.options)
    port, lock = await asyncio.to_thread(_open_locked, address.path, line)
    return SerialTransport(address, port, lock)


class SerialTransport:
    """An open serial port."""

    datagrams = False

    def __init__(self, address: Address, port: serial.Serial, lock: PortLock) -> None:
        self._address = address
        self._port = port
        self._lock = lock
        self._fd = port.fileno()
        self._inbox = Inbox()
        self._unsent = bytearray()
        self._drained = asyncio.Event()
        self._closed = False
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._fd, self._readable)

    async def send(self, payload: bytes) -> None:
        """Write and wait until the driver of the port took it; Unreachable when it is unplugged or blocked by flow control."""
        if self._closed or len(self._unsent) > MAX_UNSENT:
            raise Unreachable(f"{self._address}: the port is closed")
        waiting = bool(self._unsent)
        self._unsent += payload
        if not waiting:
            self._writable()
            if not self._unsent or self._closed:
                return
            self._drained.clear()
            self._loop.add_writer(self._fd, self._writable)
        try:
            async with asyncio.timeout(SEND_LIMIT_S):
                await self._drained.wait()
        except TimeoutError:
            raise Unreachable(f"{self._address} takes no more bytes: hardware flow control?") from None

    async def receive(self) -> bytes:
        """Next chunk; Unreachable when the adapter was unplugged."""
        chunk = await self._inbox.get()
        if not self._closed and not self._inbox.full:
            self._loop.add_reader(self._fd, self._readable)
        return chunk

    async def listen(self, hear: Callable[[bytes], None]) -> None:
        """Hand on every chunk; Unreachable when the adapter was unplugged."""
        if not self._closed:
            self._loop.add_reader(self._fd, self._readable)
        await self._inbox.listen(hear)

    def close(self) -> None:
        """Give port and lock back; idempotent."""
        self._end(Unreachable(f"{self._address}: closed by us"))

    def _readable(self) -> None:
        try:
            chunk = os.read(self._fd, CHUNK)
        except BlockingIOError:
            return
        except OSError as error:
            self._end(Unreachable(f"{self._address} was unplugged ({error.strerror})"))
            return
        if not chunk:
            self._end(Unreachable(f"{self._address} was unplugged"))
            return
        self._inbox.put(chunk)
        if self._inbox.full:
            self._loop.remove_reader(self._fd)

    def _writable(self) -> None:
        if self._closed or not self._unsent:
            return
        try:
            sent = os.write(self._fd, self._unsent)
        except BlockingIOError:
            return
        except OSError as error:
            self._end(Unreachable(f"{self._address} was unplugged ({error.strerror})"))
            return
        del self._unsent[:sent]
        if not self._unsent:
            self._loop.remove_writer(self._fd)
            self._drained.set()

    def _end(self, error: Unreachable) -> None:
        if self._closed:
            return
        self._closed = True
        self._inbox.end(error)
        self._drained.set()
        self._loop.remove_reader(self._fd)
        self._loop.remove_writer(self._fd)
        with contextlib.suppress(OSError, termios.error):
            fcntl.ioctl(self._fd, termios.TIOCNXCL)
        with contextlib.suppress(OSError, termios.error):
            termios.tcflush(self._fd, termios.TCIOFLUSH)  # closing must not wait for bytes that flow control holds back
        with contextlib.suppress(OSError, termios.error):
            self._port.close()
        self._lock.release()


def _open_locked(path: str, line: _Line) -> tuple[serial.Serial, PortLock]:
    """Blocking: runs in a thread."""
    if not os.path.exists(path):  # noqa: PTH110  # os.path sees through the by-id links
        raise Unreachable(f"{path} is not there: is the adapter plugged in? Look in /dev/serial/by-id/")
    lock = PortLock.acquire(path)
    try:
        _lower_latency(path)
        port = serial.Serial(path, exclusive=True, timeout=0, write_timeout=0, **line)
        port.reset_input_buffer()
        fcntl.ioctl(port.fileno(), termios.TIOCEXCL)  # who opens it after us is refused by the kernel
    except (OSError, termios.error) as error:  # SerialException is an OSError
        lock.release()
        owners = holders(path)
        if owners:
            raise PortInUse(f"{path} is held by {', '.join(owners)}") from error
        if isinstance(error, PermissionError) or getattr(error, "errno", None) == 13:
            raise BadSetting(f"{path}: this user may not open it; add it to group dialout", key="at") from error
        raise Unreachable(f"{path}: {error}") from error
    except BaseException:
        lock.release()
        raise
    else:
        return port, lock


class _Line(TypedDict):
    baudrate: int
    bytesize: int
    parity: str
    stopbits: float


def _line(options: Mapping[str, str]) -> _Line:
    baud, bits = options.get("baud", str(DEFAULT_BAUD)), options.get("bits", "8")
    parity, stop = options.get("parity", "none"), options.get("stop", "1")
    if not (baud.isascii() and baud.isdigit() and 50 <= int(baud) <= 4_000_000):
        raise BadSetting(f"baud={baud} is no speed; for example ?baud=9600", key="at")
    for name, value, known in (("bits", bits, _BITS), ("parity", parity, _PARITY), ("stop", stop, _STOP)):
        if value not in known:
            raise BadSetting(f"{name}={value} must be one of {', '.join(sorted(known))}", key="at")
    return {"baudrate": int(baud), "bytesize": int(bits), "parity": _PARITY[parity], "stopbits": _STOP[stop]}


def _lower_latency(path: str) -> None:
    """FTDI adapters hold bytes back for 16 ms, longer than most messages take on the wire: 1 ms where we may say so."""
    timer = TTY_CLASS / Path(os.path.realpath(path)).name / "device" / "latency_timer"
    with contextlib.suppress(OSError):
        if timer.exists():
            timer.write_text("1")
