"""The hot path without a compiler: `recvmmsg` and `sendmmsg` by cffi ABI mode, libsrtp called directly.

A compiled accelerator may replace this module: `Receiver` and `Fan` are its whole surface. Nothing here
allocates per packet but the bytes it hands on, and nothing knows what a packet means.
"""

from __future__ import annotations

import errno
import socket
import struct
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import cffi

from smartroom.media.rtp.layers import Descriptor, shift_picture
from smartroom.media.rtp.packet import MAX_PACKET, ONE_BYTE

BURST = 64  # datagrams per recvmmsg
BATCH = 64  # messages per sendmmsg
RECEIVE_SLOT = 2048
SEND_SLOT = 1600  # MAX_PACKET and the largest SRTP trailer (144), 8-byte aligned
HISTORY = 2048  # sent packets remembered per transport for transport-cc, a power of two
_SOCKADDR = 32

if sys.byteorder != "little":  # length pointers alias the low half of a size_t
    raise ImportError("the hot path needs a little-endian machine")

ffi = cffi.FFI()
ffi.cdef("""
    struct iov { void *base; size_t len; };
    struct header { void *name; uint32_t name_len; struct iov *iov; size_t iov_len;
                    void *control; size_t control_len; int flags; };
    struct message { struct header h; unsigned len; };
    int sendmmsg(int, struct message *, unsigned, int);
    int recvmmsg(int, struct message *, unsigned, int, void *);
""")
_libc: Any = ffi.dlopen(None)

Handle = Any
"""A libsrtp session (`srtp_t`); its owner keeps it alive."""
Layout = tuple[int, int]
"""Extension ids of audio level and video orientation, 0 = not wanted; rows of one layout share a packet tail."""
Crypt = Callable[[Handle, Any, Any], int]
"""`srtp_protect` or `srtp_unprotect`: session, buffer, length pointer; 0 = done."""


def new_cell(first: int = 0) -> list[Any]:
    """Last transport-cc number and (time, bytes, probe) by number: shared by all rows of one transport."""
    return [first, [None] * HISTORY]


class Receiver:
    """Reads datagrams of one socket in bursts into fixed slots; decrypts in place."""

    def __init__(self, sock: socket.socket) -> None:
        self._fd = sock.fileno()
        self.address_size = 16 if sock.family == socket.AF_INET else 28
        self._slots = ffi.new("char[]", BURST * RECEIVE_SLOT)
        self._names = ffi.new("char[]", BURST * _SOCKADDR)
        self._vectors = ffi.new("struct iov[]", BURST)
        self._messages = ffi.new("struct message[]", BURST)
        self.names = ffi.buffer(self._names)
        self.pointers = [self._slots + i * RECEIVE_SLOT for i in range(BURST)]
        self.views = [memoryview(ffi.buffer(pointer, RECEIVE_SLOT)) for pointer in self.pointers]
        self.lengths = [_int_pointer(ffi.addressof(self._messages[i], "len")) for i in range(BURST)]
        for i in range(BURST):
            self._vectors[i].base = self.pointers[i]
            self._vectors[i].len = RECEIVE_SLOT
            header = self._messages[i].h
            header.name = self._names + i * _SOCKADDR
            header.name_len = self.address_size
            header.iov = self._vectors + i
            header.iov_len = 1

    def read(self) -> int:
        """How many datagrams now stand in `views`, `lengths` and `names`; 0 = none waiting."""
        count = _libc.recvmmsg(self._fd, self._messages, BURST, socket.MSG_DONTWAIT, ffi.NULL)
        return max(0, int(count))

    def source(self, i: int) -> bytes:
        """Raw socket address the datagram in slot `i` came from."""
        start = i * _SOCKADDR
        return bytes(self.names[start : start + self.address_size])


@dataclass(frozen=True, slots=True)
class Row:
    """One subscriber of a fan: how its copy differs. Holds what its C memory needs to stay alive."""

    fd: int
    address: bytes
    session: Handle
    owner: object
    cell: list[Any]
    payload_type: int
    ssrc: int
    sequence: int
    timestamp: int
    layout: Layout
    transport_cc: int  # extension id
    shift: tuple[int, int] | None = None  # added to picture id and TL0PICIDX


class Fan:
    """One packet to many subscribers: rewrite, encrypt and send, one system call per socket."""

    def __init__(self, protect: Crypt) -> None:
        self._protect = protect
        self._blocks: list[_Block] = []
        self.failures = 0  # packets not encrypted, hence not sent

    def set_rows(self, rows: Sequence[Row]) -> None:
        """Replace all subscribers."""
        groups: dict[tuple[int, Layout], list[Row]] = {}
        for row in rows:
            groups.setdefault((row.fd, row.layout), []).append(row)
        self._blocks = [_Block(group[i : i + BATCH]) for group in groups.values() for i in range(0, len(group), BATCH)]

    @property
    def layouts(self) -> list[Layout]:
        """Layouts a packet is needed in."""
        return [block.layout for block in self._blocks]

    def send(
        self,
        words: int,
        tails: dict[Layout, bytes],
        marker: int,
        sequence: int,
        timestamp: int,
        *,
        now: float,
        frame: Descriptor | None = None,
    ) -> int:
        """Send one packet to all rows; returns how many the kernel did not take.

        `tails` holds per layout what follows the transport-cc number: other extension elements,
        padding to `words` 32-bit words, payload. `frame` describes the payload where picture ids may shift.
        """
        start = 16 + 4 * words
        refused = 0
        protect = self._protect
        for block in self._blocks:
            tail = tails[block.layout]
            size = _FIXED + len(tail)
            if size > MAX_PACKET:
                continue
            stamp = (now, size, 0)
            pack_into = _packer(len(tail))
            failed = 0
            for view, pointer, length, session, head, dseq, dts, pt, cell, shift in block.rows(words):
                number = cell[0] = (cell[0] + 1) & 0xFFFF
                cell[1][number & 2047] = stamp
                pack_into(
                    view, 0, 0x90, marker | pt, (sequence + dseq) & 0xFFFF, (timestamp + dts) & 0xFFFFFFFF,
                    head, number, tail,
                )  # fmt: skip
                if shift is not None and frame is not None:
                    shift_picture(view, start, frame, *shift)
                length[0] = size
                failed += protect(session, pointer, length)
            if failed:
                self.failures += failed  # never send what is not encrypted
                continue
            refused += block.flush()
        return refused


class _Block:
    """Up to one batch of rows on one socket with its own buffers and message headers."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self._source = tuple(rows)
        self.layout = rows[0].layout
        self._fd = rows[0].fd
        self._count = len(rows)
        size = len(rows[0].address)
        self._slots = ffi.new("char[]", self._count * SEND_SLOT)
        self._names = ffi.new("char[]", self._count * _SOCKADDR)
        self._vectors = ffi.new("struct iov[]", self._count)
        self._messages = ffi.new("struct message[]", self._count)
        for i, row in enumerate(rows):
            ffi.memmove(self._names + i * _SOCKADDR, row.address, size)
            self._vectors[i].base = self._slots + i * SEND_SLOT
            header = self._messages[i].h
            header.name = self._names + i * _SOCKADDR
            header.name_len = size
            header.iov = self._vectors + i
            header.iov_len = 1
        self._rows: dict[int, list[tuple[Any, ...]]] = {}

    def rows(self, words: int) -> list[tuple[Any, ...]]:
        """Prepared rows for packets with so many words of header extension."""
        prepared = self._rows.get(words)
        if prepared is None:
            prepared = self._rows[words] = [self._prepare(i, row, words) for i, row in enumerate(self._source)]
        return prepared

    def flush(self) -> int:
        """Send the batch; returns how many messages the kernel did not take."""
        done = 0
        while done < self._count:
            sent = _libc.sendmmsg(self._fd, self._messages + done, self._count - done, socket.MSG_DONTWAIT)
            if sent > 0:
                done += sent
            elif ffi.errno == errno.EAGAIN:
                break
            elif ffi.errno != errno.EINTR:
                done += 1  # one destination cannot be reached: the others can
        return self._count - done

    def _prepare(self, i: int, row: Row, words: int) -> tuple[Any, ...]:
        pointer = self._slots + i * SEND_SLOT
        return (
            memoryview(ffi.buffer(pointer, SEND_SLOT)),
            pointer,
            _int_pointer(ffi.addressof(self._vectors[i], "len")),
            row.session,
            extension_head(row.ssrc, words, row.transport_cc),
            row.sequence,
            row.timestamp,
            row.payload_type,
            row.cell,
            row.shift,
        )


_HEAD = struct.Struct("!LHHB")
_WHOLE = struct.Struct("!BBHL9sH")
_FIXED = 19  # header, extension header, transport-cc element
_packers: dict[int, Callable[..., None]] = {}


def extension_head(ssrc: int, words: int, transport_cc: int) -> bytes:
    """The constant bytes from the SSRC to the transport-cc number."""
    return _HEAD.pack(ssrc, ONE_BYTE, words, transport_cc << 4 | 1)


def compose(second: int, sequence: int, timestamp: int, head: bytes, tail: bytes, *, number: int = 0) -> bytearray:
    """The same packet a fan would write, for those that go alone."""
    fixed = _WHOLE.pack(0x90, second, sequence & 0xFFFF, timestamp & 0xFFFFFFFF, head, number)
    return bytearray(fixed + tail)


def _packer(size: int) -> Callable[..., None]:
    packer = _packers.get(size)
    if packer is None:
        packer = _packers[size] = struct.Struct(f"!BBHL9sH{size}s").pack_into
    return packer


def _int_pointer(field: Any) -> Any:
    """An `int *` onto a length field, so that libsrtp writes where the kernel reads."""
    return ffi.cast("int *", int(ffi.cast("uintptr_t", field)))


class Scratch:
    """Encrypts single packets, for all that is not a fan."""

    def __init__(self, protect: Crypt, protect_rtcp: Crypt) -> None:
        self._protect, self._protect_rtcp = protect, protect_rtcp
        self._slot = ffi.new("char[]", RECEIVE_SLOT)
        self._length = ffi.new("int *")
        self._view = ffi.buffer(self._slot)

    def rtp(self, session: Handle, packet: bytes) -> bytes:
        """The packet as SRTP; ValueError when it is too long or cannot be encrypted."""
        return self._seal(self._protect, session, packet)

    def rtcp(self, session: Handle, compound: bytes) -> bytes:
        """The compound as SRTCP; ValueError when it is too long or cannot be encrypted."""
        return self._seal(self._protect_rtcp, session, compound)

    def _seal(self, crypt: Crypt, session: Handle, plain: bytes) -> bytes:
        size = len(plain)
        if size > MAX_PACKET:
            raise ValueError("packet too long for a datagram")
        self._view[0:size] = plain
        self._length[0] = size
        if crypt(session, self._slot, self._length):
            raise ValueError("packet could not be encrypted")
        return bytes(self._view[0 : self._length[0]])
