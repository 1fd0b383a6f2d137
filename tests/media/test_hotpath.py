"""The batched way out: the same bytes as one packet at a time, whatever is gathered, cut or refused."""

from __future__ import annotations

import secrets
import socket
import struct
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pylibsrtp import Policy, Session

from smartroom.media import transport
from smartroom.media.hotpath import (
    HISTORY,
    RUN,
    SLOTS,
    Fan,
    Outbox,
    Row,
    can_segment,
    compose,
    cuts,
    extension_head,
    new_cell,
)
from smartroom.media.rtp.layers import Descriptor, parse_vp8, shift_picture

SO_NO_CHECK = 11  # a socket without checksums takes no segments


@dataclass(frozen=True)
class Sent:
    """One packet given to a fan."""

    words: int
    tails: dict[tuple[int, int], bytes]
    marker: int
    sequence: int
    timestamp: int
    frame: Descriptor | None


class Listener:
    """A subscriber: its row, and what it can decrypt."""

    def __init__(self, sender: socket.socket, stack: ExitStack, shape: tuple[int, int, int, bool], first: int) -> None:
        number, sequence, timestamp, shifted = shape
        self.socket = stack.enter_context(socket.socket(sender.family, socket.SOCK_DGRAM))
        self.socket.bind(("127.0.0.1", 0))
        self.socket.setblocking(False)
        key = secrets.token_bytes(28)
        profile = Policy.SRTP_PROFILE_AEAD_AES_128_GCM
        session = Session(Policy(key=key, ssrc_type=Policy.SSRC_ANY_OUTBOUND, srtp_profile=profile))
        self._session = Session(Policy(key=key, ssrc_type=Policy.SSRC_ANY_INBOUND, srtp_profile=profile))
        port = self.socket.getsockname()[1]
        address = struct.pack("=H", socket.AF_INET) + struct.pack("!H", port) + socket.inet_aton("127.0.0.1") + bytes(8)
        self.row = Row(
            sender.fileno(), address, session._srtp[0], session, new_cell(first), 96, number, sequence, timestamp,
            (number & 1, 0), 1 + number % 14, (sequence & 0x7FFF, timestamp & 0xFF) if shifted else None,
        )  # fmt: skip
        self._number = first

    def received(self) -> list[bytes]:
        """All that came, decrypted, in order."""
        found = []
        while True:
            try:
                found.append(self._session.unprotect(self.socket.recv(2048)))
            except BlockingIOError:
                return found

    def expected(self, sent: Sent) -> bytes:
        """The packet as the careful way makes it."""
        row = self.row
        self._number = self._number + 1 & 0xFFFF
        head = extension_head(row.ssrc, sent.words, row.transport_cc)
        made = compose(
            sent.marker | row.payload_type, sent.sequence + row.sequence, sent.timestamp + row.timestamp, head,
            sent.tails[row.layout], number=self._number,
        )  # fmt: skip
        if row.shift is not None and sent.frame is not None:
            shift_picture(made, 16 + 4 * sent.words, sent.frame, *row.shift)
        return bytes(made)


@contextmanager
def fan_of(
    shapes: Sequence[tuple[int, int, int, bool]],
    *,
    first: int = 0,
    segment: bool = True,
    crypt: Any = transport.protect,
) -> Iterator[tuple[Outbox, Fan, list[Listener], socket.socket]]:
    """A fan with a listener per shape."""
    with ExitStack() as stack:
        sender = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        sender.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 << 20)
        outbox = Outbox(crypt, time.monotonic, segment=segment)
        fan = Fan(outbox)
        listeners = [Listener(sender, stack, shape, first) for shape in shapes]
        fan.set_rows([listener.row for listener in listeners])
        yield outbox, fan, listeners, sender


def packet(sequence: int, size: int, *, words: int = 1, marker: int = 0, picture: int = 0) -> Sent:
    """A VP8 packet of `size` bytes of payload; both layouts have a tail of their own."""
    payload = bytes((0x90, 0xE0, 0x80 | picture >> 8, picture & 0xFF, 7, 0)) + bytes(size)
    tails = {(k, 0): bytes((k, *bytes(4 * words - 4))) + payload for k in (0, 1)}
    return Sent(words, tails, marker, sequence & 0xFFFF, sequence * 3000 & 0xFFFFFFFF, parse_vp8(payload))


def give(fan: Fan, sent: Sent) -> None:
    """Hand a packet to the fan."""
    fan.add(sent.words, sent.tails, sent.marker, sent.sequence, sent.timestamp, frame=sent.frame)


SHAPES = st.lists(
    st.tuples(st.integers(1, 1 << 31), st.integers(0, 0xFFFF), st.integers(0, 0xFFFFFFFF), st.booleans()),
    min_size=1, max_size=6, unique_by=lambda shape: shape[0],
)  # fmt: skip
PACKETS = st.lists(
    st.tuples(st.sampled_from([40, 40, 900, 900, 901, 1300]), st.integers(1, 2), st.booleans(), st.booleans()),
    max_size=50,
)


@settings(max_examples=30)
@given(SHAPES, PACKETS, st.integers(0, 0xFFFF), st.booleans())
def test_what_a_fan_sends_is_what_single_packets_would_be(
    shapes: list[tuple[int, int, int, bool]], packets: list[tuple[int, int, bool, bool]], first: int, segment: bool
) -> None:
    """Every subscriber gets each packet once, in order, byte for byte as the careful way writes it; the history tells when."""
    with fan_of(shapes, first=first, segment=segment and can_segment()) as (outbox, fan, listeners, _):
        sent = []
        for i, (size, words, marker, flush) in enumerate(packets):
            sent.append(packet(i + 0xFFF0, size, words=words, marker=0x80 * marker, picture=i))
            give(fan, sent[-1])
            if flush:
                outbox.flush()
        outbox.flush()
        assert (outbox.failures, outbox.refused) == (0, 0)
        for listener in listeners:
            assert [listener.expected(each) for each in sent] == listener.received()
            number, history = listener.row.cell
            assert number == first + len(sent) & 0xFFFF
            sizes = [19 + len(each.tails[listener.row.layout]) for each in sent]
            told = [history[first + 1 + i & HISTORY - 1] for i in range(len(sent))]
            assert sizes == [stamp[1] for stamp in told]


@given(st.lists(st.integers(1, 4), max_size=40))
def test_cuts_are_what_the_kernel_can_undo(sizes: list[int]) -> None:
    """Runs follow each other, and in each only the last is smaller than the others."""
    runs = cuts(sizes)
    assert [first + i for first, many in runs for i in range(many)] == list(range(len(sizes)))
    for first, many in runs:
        assert len(set(sizes[first : first + many - 1])) <= 1
        assert sizes[first + many - 1] <= sizes[first]


def test_more_than_fits_at_once_is_sent_in_parts() -> None:
    """A run longer than the limit, to more subscribers than there are slots, arrives whole."""
    shapes = [(1000 + i, i, i, False) for i in range(2 * SLOTS // RUN + 3)]
    with fan_of(shapes) as (outbox, fan, listeners, _):
        sent = [packet(i, 100) for i in range(RUN + 5)]
        for each in sent:
            give(fan, each)
        outbox.flush()
        for listener in listeners:
            assert [listener.expected(each) for each in sent] == listener.received()


@pytest.mark.skipif(not can_segment(), reason="this kernel cuts no messages")
def test_a_path_that_takes_no_segments_gets_packets() -> None:
    """What the kernel refuses to cut goes out one by one, and that address is not tried again."""
    with fan_of([(7, 0, 0, False)]) as (outbox, fan, (listener,), sender):
        sender.setsockopt(socket.SOL_SOCKET, SO_NO_CHECK, 1)
        sent = [packet(i, 100) for i in range(6)]
        for i, each in enumerate(sent):
            give(fan, each)
            if i % 3 == 2:
                outbox.flush()
                assert outbox._plain == {listener.row.address}
        assert [listener.expected(each) for each in sent] == listener.received()


def test_what_cannot_be_encrypted_is_not_sent() -> None:
    """One session that fails costs only its own subscriber the packets."""
    broken = []

    def crypt(session: Any, pointer: Any, length: Any) -> int:
        return 1 if session in broken else int(transport.protect(session, pointer, length))

    with fan_of([(i, 0, 0, False) for i in range(1, 4)], crypt=crypt) as (outbox, fan, listeners, _):
        broken.append(listeners[1].row.session)
        for i in range(3):
            give(fan, packet(i, 100))
        outbox.flush()
        assert [len(listener.received()) for listener in listeners] == [3, 0, 3]
        assert outbox.failures == 3


def test_rows_that_change_do_not_touch_what_was_gathered() -> None:
    """Packets go to those who were there when they came."""
    with fan_of([(i, 0, 0, False) for i in range(1, 3)]) as (outbox, fan, (stays, leaves), _):
        give(fan, packet(0, 100))
        fan.set_rows([stays.row])
        give(fan, packet(1, 100))
        outbox.flush()
        assert (len(stays.received()), len(leaves.received())) == (2, 1)
