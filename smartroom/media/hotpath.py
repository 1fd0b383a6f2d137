"""The hot path without a compiler: `recvmmsg` and `sendmmsg` by cffi ABI mode, libsrtp called directly.

A compiled accelerator may replace this module: `Receiver`, `Outbox`, `Fan` and `Scratch` are its whole surface.
Packets of one turn of the loop are gathered, then each subscriber's are encrypted and sent together: equal ones in
a row become one message which the kernel cuts (UDP_SEGMENT). Nothing here knows what a packet means.
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
RECEIVE_SLOT = 2048
SEND_SLOT = 1600  # MAX_PACKET and the largest SRTP trailer (144), 8-byte aligned
SLOTS = 64  # packets encrypted between two calls of sendmmsg; few enough to stay in the processor's cache
RUN = 32  # packets of one stream gathered at most: with trailers they stay below the kernel's 65,507 bytes
HISTORY = 2048  # sent packets remembered per transport for transport-cc, a power of two
_SOCKADDR = 32
_MAX_PLAIN = 1024  # addresses remembered as unable to take segments
_UDP_SEGMENT = 103  # linux/udp.h

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
_MESSAGE = struct.Struct("@PIPNPN").pack_into  # all of `struct header` but the flags, which stay 0
_MESSAGE_SIZE = ffi.sizeof("struct message")
_VECTOR_SIZE = ffi.sizeof("struct iov")
_SEGMENT = struct.Struct("@NiiH6x")  # a control message with one 16-bit number

Handle = Any
"""A libsrtp session (`srtp_t`); its owner keeps it alive."""
Layout = tuple[int, int]
"""Extension ids of audio level and video orientation, 0 = not wanted; rows of one layout share a packet tail."""
Crypt = Callable[[Handle, Any, Any], int]
"""`srtp_protect` or `srtp_unprotect`: session, buffer, length pointer; 0 = done."""
_Rows = Sequence[tuple[Any, ...]]
_Packets = Sequence[tuple[Any, ...]]


def new_cell(first: int = 0) -> list[Any]:
    """Last transport-cc number and (time, bytes, probe) by number: shared by all rows of one transport."""
    return [first, [None] * HISTORY]


def can_segment() -> bool:
    """Whether this kernel cuts one message into datagrams (Linux 4.18)."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.getsockopt(socket.SOL_UDP, _UDP_SEGMENT)
        except OSError:
            return False
    return True


class Receiver:
    """Reads datagrams of one socket in bursts into fixed slots; decrypts in place."""

    __slots__ = ("_messages", "_names", "_slots", "_vectors", "address_size", "fd", "slots")

    def __init__(self, sock: socket.socket) -> None:
        self.fd = sock.fileno()
        self.address_size = 16 if sock.family == socket.AF_INET else 28
        self._slots = ffi.new("char[]", BURST * RECEIVE_SLOT)
        self._names = ffi.new("char[]", BURST * _SOCKADDR)
        self._vectors = ffi.new("struct iov[]", BURST)
        self._messages = ffi.new("struct message[]", BURST)
        names = memoryview(ffi.buffer(self._names))
        self.slots: list[tuple[memoryview, memoryview, Any, Any]] = []  # datagram, source, address of it, its length
        for i in range(BURST):
            pointer = self._vectors[i].base = self._slots + i * RECEIVE_SLOT
            self._vectors[i].len = RECEIVE_SLOT
            header = self._messages[i].h
            header.name = self._names + i * _SOCKADDR
            header.name_len = self.address_size
            header.iov = self._vectors + i
            header.iov_len = 1
            source = names[i * _SOCKADDR : i * _SOCKADDR + self.address_size]
            length = _int_pointer(ffi.addressof(self._messages[i], "len"))
            self.slots.append((memoryview(ffi.buffer(pointer, RECEIVE_SLOT)), source, pointer, length))

    def read(self) -> int:
        """How many datagrams now stand in `slots`, from the first on; 0 = none waiting."""
        count = _libc.recvmmsg(self.fd, self._messages, BURST, socket.MSG_DONTWAIT, ffi.NULL)
        return max(0, int(count))


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


class Outbox:
    """What all fans of a worker send in one turn of the loop."""

    __slots__ = (
        "_bytes", "_clock", "_controls", "_fans", "_first_vector", "_memory", "_messages", "_names", "_plain",
        "_posted", "_protect", "_segment", "_single", "_slots", "_table", "_vectors", "failures", "refused",
    )  # fmt: skip

    def __init__(self, protect: Crypt, clock: Callable[[], float], *, segment: bool | None = None) -> None:
        self.refused = 0  # packets the kernel did not take
        self.failures = 0  # packets not encrypted, hence not sent
        self._protect = protect
        self._clock = clock
        self._segment = can_segment() if segment is None else segment
        self._plain: set[bytes] = set()  # addresses whose path takes no segments
        self._controls: dict[int, tuple[int, Any]] = {}
        self._fans: list[Fan] = []
        self._posted: list[tuple[int, bytes, bytes]] = []
        slots = self._memory = ffi.new("char[]", SLOTS * SEND_SLOT)
        self._vectors = ffi.new("struct iov[]", SLOTS)
        self._messages = ffi.new("struct message[]", SLOTS)
        self._names = ffi.new("char[]", SLOTS * _SOCKADDR)
        self._single: Any = ffi.new("struct message *")
        self._table = memoryview(ffi.buffer(self._messages))
        self._first_vector = address_of(self._vectors)
        self._bytes = memoryview(ffi.buffer(slots))  # one view for all: fewer objects to fetch after a pause
        self._slots: list[tuple[int, Any, Any]] = []
        for i in range(SLOTS):
            at = i * SEND_SLOT
            self._vectors[i].base = slots + at
            self._slots.append((at, slots + at, _int_pointer(ffi.addressof(self._vectors[i], "len"))))

    @property
    def open(self) -> bool:
        """Whether a fan expects more of the burst it has begun."""
        return any(not fan.whole for fan in self._fans)

    def add(self, fan: Fan) -> None:
        """Send for this fan when the turn ends; urgent ones first, should the kernel run out of room."""
        self._fans.insert(0 if fan.urgent else len(self._fans), fan)

    def post(self, fd: int, address: bytes, datagram: bytes) -> None:
        """Send one finished datagram when the turn ends, before everything that fans gather."""
        self._posted.append((fd, address, datagram))

    def flush(self, only: Fan | None = None) -> None:
        """Send everything gathered, or that of one fan."""
        if not self._fans and not self._posted:
            return
        fans = self._fans if only is None else [only]
        self._fans = [] if only is None else [fan for fan in self._fans if fan is not only]
        fd = used = messages = 0
        if self._posted:
            fd, messages = self._copy()
            used = messages
        for fan in fans:
            for rows, packets in fan.take():
                fd, used, messages = self._encrypt(rows, packets, fd, used, messages)
        if messages:
            self._send(fd, messages)

    def _copy(self) -> tuple[int, int]:
        """Queue the finished datagrams; socket and messages in use afterwards."""
        fd = count = 0
        for to, address, datagram in self._posted:
            if to != fd or count == SLOTS:
                if count:
                    self._send(fd, count)
                fd, count = to, 0
            at, _, length = self._slots[count]
            self._bytes[at : at + len(datagram)] = datagram
            length[0] = len(datagram)
            name = self._names + count * _SOCKADDR
            ffi.memmove(name, address, len(address))
            _MESSAGE(
                self._table, _MESSAGE_SIZE * count, address_of(name), len(address),
                self._first_vector + _VECTOR_SIZE * count, 1, 0, 0,
            )  # fmt: skip
            count += 1
        self._posted.clear()
        return fd, count

    def _encrypt(self, rows: _Rows, packets: _Packets, fd: int, used: int, messages: int) -> tuple[int, int, int]:
        """Write, encrypt and queue every packet for every row; socket, slots and messages in use afterwards."""
        protect, slots, table, vectors, plain = self._protect, self._slots, self._table, self._first_vector, self._plain
        view, put = self._bytes, _MESSAGE
        count = len(packets)
        now = self._clock()
        sizes = [packet[0] for packet in packets]
        stamps = [(now, size, 0) for size in sizes]
        alone = [(i, 1) for i in range(count)]
        together = cuts(sizes) if self._segment else alone
        for to, address, name, name_size, session, ssrc, element, pt, dseq, dts, cell, shift in rows:
            if to != fd or used + count > SLOTS:
                if messages:
                    self._send(fd, messages)
                fd, used, messages = to, 0, 0
            number, history = cell
            cell[0] = number + count & 0xFFFF
            at = number + 1 & HISTORY - 1
            if at + count <= HISTORY:
                history[at : at + count] = stamps
            else:
                for i in range(count):
                    history[at + i & HISTORY - 1] = stamps[i]
            failed = 0
            for (size, pack, first, sequence, timestamp, extension, tail, frame), (at, pointer, length) in zip(
                packets, slots[used : used + count], strict=True
            ):
                number += 1
                pack(
                    view, at, first | pt, sequence + dseq & 0xFFFF, timestamp + dts & 0xFFFFFFFF,
                    ssrc, extension, element, number & 0xFFFF, tail,
                )  # fmt: skip
                if shift is not None and frame is not None:
                    shift_picture(view, at + 16 + 4 * (extension & 0xFFFF), frame, *shift)
                length[0] = size
                if protect(session, pointer, length):
                    failed += 1
            if failed:
                self.failures += failed  # never send what is not encrypted
            else:
                for begin, many in alone if plain and address in plain else together:
                    control, control_size = self._control(slots[used + begin][2][0]) if many > 1 else (0, 0)
                    put(
                        table, _MESSAGE_SIZE * messages, name, name_size,
                        vectors + _VECTOR_SIZE * (used + begin), many, control, control_size,
                    )  # fmt: skip
                    messages += 1
            used += count
        return fd, used, messages

    def _send(self, fd: int, count: int) -> None:
        """Hand the queued messages to the kernel."""
        messages, done = self._messages, 0
        while done < count:
            sent = _libc.sendmmsg(fd, messages + done, count - done, socket.MSG_DONTWAIT)
            if sent > 0:
                done += sent
            elif ffi.errno == errno.EAGAIN:
                self.refused += sum(messages[i].h.iov_len for i in range(done, count))
                return
            elif ffi.errno != errno.EINTR:
                if messages[done].h.iov_len > 1:
                    self._send_plain(fd, messages[done].h)
                done += 1  # one destination cannot be reached: the others can

    def _send_plain(self, fd: int, header: Any) -> None:
        """A message that could not be sent in segments, packet by packet; its address gets no more of them."""
        if len(self._plain) >= _MAX_PLAIN:
            self._plain.clear()
        self._plain.add(bytes(ffi.buffer(header.name, header.name_len)))
        single = self._single.h
        single.name, single.name_len = header.name, header.name_len
        single.iov_len = 1
        for i in range(header.iov_len):
            single.iov = header.iov + i
            self.refused += _libc.sendmmsg(fd, self._single, 1, socket.MSG_DONTWAIT) != 1

    def _control(self, size: int) -> tuple[int, int]:
        """Address and length of the control message that has the kernel cut at `size`."""
        known = self._controls.get(size)
        if known is None:
            block = ffi.new("char[]", _SEGMENT.pack(18, socket.SOL_UDP, _UDP_SEGMENT, size))
            known = self._controls[size] = (address_of(block), block)
        return known[0], _SEGMENT.size


class Fan:
    """One stream to many subscribers: packets are gathered, and rewritten for each when the outbox is flushed."""

    __slots__ = ("_groups", "_names", "_outbox", "_rows", "_run", "layouts", "urgent", "whole")

    def __init__(self, outbox: Outbox, *, urgent: bool = False) -> None:
        self.urgent = urgent
        self.whole = True
        self.layouts: tuple[Layout, ...] = ()  # those a packet is needed in
        self._outbox = outbox
        self._rows: tuple[Row, ...] = ()
        self._groups: list[tuple[Layout, list[tuple[Any, ...]]]] = []
        self._run: list[tuple[Any, ...]] = []
        self._names: Any = None

    def set_rows(self, rows: Sequence[Row]) -> None:
        """Replace all subscribers; what was gathered still goes to the old ones."""
        if self._run:
            self._outbox.flush(self)
        self._rows = tuple(rows)
        names = self._names = ffi.new("char[]", max(1, len(rows)) * _SOCKADDR)
        groups: dict[Layout, list[tuple[Any, ...]]] = {}
        for i, row in enumerate(rows):
            name = names + i * _SOCKADDR
            ffi.memmove(name, row.address, len(row.address))
            prepared = (
                row.fd, row.address, address_of(name), len(row.address), row.session, row.ssrc, row.transport_cc << 4 | 1,
                row.payload_type, row.sequence, row.timestamp, row.cell, row.shift,
            )  # fmt: skip
            groups.setdefault(row.layout, []).append(prepared)
        self._groups = [(layout, sorted(group, key=lambda row: int(row[0]))) for layout, group in groups.items()]
        self.layouts = tuple(groups)

    def add(
        self,
        words: int,
        tails: dict[Layout, bytes],
        marker: int,
        sequence: int,
        timestamp: int,
        *,
        frame: Descriptor | None = None,
        whole: bool = True,
    ) -> None:
        """Gather one packet for all rows; `whole` = no more of its burst is expected.

        `tails` holds per layout what follows the transport-cc number: other extension elements,
        padding to `words` 32-bit words, payload. `frame` describes the payload where picture ids may shift.
        """
        if not self._run:
            self._outbox.add(self)
        self._run.append((ONE_BYTE << 16 | words, tails, marker, sequence, timestamp, frame))
        self.whole = whole
        if len(self._run) == RUN:
            self._outbox.flush(self)

    def take(self) -> list[tuple[_Rows, _Packets]]:
        """Rows and their packets, group by group; nothing is gathered afterwards."""
        run, self._run = self._run, []
        self.whole = True
        taken: list[tuple[_Rows, _Packets]] = []
        for layout, rows in self._groups:
            packets: list[tuple[Any, ...]] = []
            for extension, tails, marker, sequence, timestamp, frame in run:
                tail = tails[layout]
                size = _FIXED + len(tail)
                if size <= MAX_PACKET:
                    packets.append(
                        (size, _packer(len(tail)), 0x9000 | marker, sequence, timestamp, extension, tail, frame)
                    )
            taken.append((rows, packets))
        return taken


def cuts(sizes: Sequence[int]) -> list[tuple[int, int]]:
    """First and count of the runs the kernel can cut by itself: equal sizes, only the last may be smaller."""
    runs: list[tuple[int, int]] = []
    first = 0
    for i in range(1, len(sizes) + 1):
        if i == len(sizes) or sizes[i] > sizes[first] or sizes[i - 1] < sizes[first]:
            runs.append((first, i - first))
            first = i
    return runs


_HEAD = struct.Struct("!LHHB")
_WHOLE = struct.Struct("!BBHL9sH")
_FIXED = 19  # header, extension header, transport-cc element
_FAN = "!HHLLLBH"
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
        packer = _packers[size] = struct.Struct(f"{_FAN}{size}s").pack_into
    return packer


def address_of(pointer: Any) -> int:
    """The address as the kernel's structures carry it."""
    return int(ffi.cast("uintptr_t", pointer))


def _int_pointer(field: Any) -> Any:
    """An `int *` onto a length field, so that libsrtp writes where the kernel reads."""
    return ffi.cast("int *", address_of(field))


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
