"""What strangers and broken peers send: counted, dropped, and nobody's call suffers."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
import statistics
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import metadata
from typing import Any

import pytest
from aiortc.rtcdtlstransport import SRTP_AEAD_AES_128_GCM, SRTP_AES128_CM_SHA1_80, RTCDtlsTransport
from hypothesis import given, settings
from hypothesis import strategies as st
from pylibsrtp import Policy, Session
from pylibsrtp._binding import lib

from smartroom.media import negotiation, sdp, transport
from smartroom.media.rtp import packet as rtp
from smartroom.media.worker import Refused
from smartroom.protocol import media as say
from tests.media.conftest import Room, in_virtual_time, until
from tests.media.rtcclient import Client
from tests.media.test_paths import talk

HELLO = bytes.fromhex("16fefd0000000000000000") + b"\x00\x10" + bytes.fromhex("0100000400000000000000040000fefd")
ALERT = bytes.fromhex("15feff0000000000000000") + b"\x00\x02\x02\x28"
CLOSE_NOTIFY = bytes.fromhex("15feff0000000000000000") + b"\x00\x02\x01\x00"
RTP = b"\x80\x60" + bytes(1098)


@pytest.mark.parametrize("name", transport.PRIVATE_NAMES)
def test_a_private_name_we_use_is_there(name: str) -> None:
    """The pinned aiortc has every private part this engine touches."""
    assert hasattr(RTCDtlsTransport, name) or name in RTCDtlsTransport.__init__.__code__.co_names


@pytest.mark.parametrize(("library", "version"), [("aiortc", "1.16.0"), ("pylibsrtp", "1.0.0")])
def test_the_libraries_are_those_whose_private_parts_were_read(library: str, version: str) -> None:
    """A newer one is read again, line by line where `media/transport.py` reaches in, before this number is changed."""
    assert metadata.version(library) == version


@pytest.mark.parametrize(
    ("offered", "agreed"),
    [
        ([SRTP_AES128_CM_SHA1_80, SRTP_AEAD_AES_128_GCM], SRTP_AEAD_AES_128_GCM),
        ([SRTP_AES128_CM_SHA1_80], SRTP_AES128_CM_SHA1_80),
    ],
    ids=["GCM is taken first", "SHA1 where nothing else is"],
)
async def test_the_cheapest_cipher_is_agreed(room: Room, offered: list[Any], agreed: Any) -> None:
    """AES-GCM whatever the peer prefers; the older cipher only for a peer without it; packets pass with both."""
    _, (encoder,) = await room.publisher("ana", video=0, audio=1)
    client = await room.subscriber("budi", profiles=offered)
    assert client._link._ssl.get_selected_srtp_profile() == agreed.openssl_profile
    await talk(encoder, 0.2)
    assert client.total() >= 5


@pytest.mark.parametrize("name", transport.SRTP_NAMES)
def test_a_libsrtp_function_we_use_is_there(name: str) -> None:
    """The pinned pylibsrtp binds every function the hot path calls."""
    assert callable(getattr(lib, name))


def test_the_session_pointer_is_where_we_take_it() -> None:
    """A pylibsrtp session holds its srtp_t in `_srtp[0]`."""
    policy = Policy(
        key=bytes(28), ssrc_type=Policy.SSRC_ANY_OUTBOUND, srtp_profile=Policy.SRTP_PROFILE_AEAD_AES_128_GCM
    )
    assert Session(policy)._srtp[0]
    transport.check_libraries()


@asynccontextmanager
async def spray(port: int, datagrams: list[bytes]) -> AsyncIterator[None]:
    """A stranger's socket that never stops meanwhile."""

    async def go_on() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.setblocking(False)
            while True:
                for datagram in datagrams:
                    sock.sendto(datagram, ("127.0.0.1", port))
                await asyncio.sleep(0.002)

    spraying = asyncio.create_task(go_on())
    try:
        yield
    finally:
        spraying.cancel()


@pytest.mark.parametrize(
    "datagrams",
    [[HELLO], [ALERT, CLOSE_NOTIFY], [b"", b"\x80", b"\xff" * 1500, RTP, bytes(2000)], [b"\x00\x01" + bytes(18)]],
    ids=["client hello", "alerts", "empty, oversized, rtp", "stun"],
)
async def test_joins_succeed_while_a_stranger_sprays(room: Room, datagrams: list[bytes]) -> None:
    """G11: off-path datagrams during joins: all succeed, at the median at most 50 ms later than others, and media flows."""
    _, (encoder,) = await room.publisher("ana", video=0, audio=1)

    async def join(name: str) -> float:
        begun = time.monotonic()
        await room.subscriber(name)
        return time.monotonic() - begun

    quiet, sprayed = [], []
    for i in range(7):
        quiet.append(await join(f"quiet {i}"))
        async with spray(room.worker.port.number, datagrams):
            sprayed.append(await join(f"sprayed {i}"))
    assert statistics.median(sprayed) - statistics.median(quiet) <= 0.05
    async with spray(room.worker.port.number, datagrams):
        client = await room.subscriber("budi")
        await talk(encoder, 0.4)
        assert client.total() >= 15
    assert room.worker.port.counters.stranger + room.worker.port.ice.refused + room.worker.port.counters.malformed > 0


@in_virtual_time
async def test_garbage_from_the_own_address_hurts_only_itself(room: Room) -> None:
    """G35: a validated peer that sends 10,000 garbage packets in a second is counted and capped; no call ends, none is disturbed."""
    publisher, (encoder,) = await room.publisher("ana", video=0, audio=1)
    attacker = await room.subscriber("eve")
    client = await room.subscriber("budi")
    await talk(encoder, 0.2)
    begun, others = time.monotonic(), client.total()
    for i in range(100):
        for _ in range(100):
            attacker.send_raw(b"\x80\x60" + secrets.token_bytes(60))
        attacker.send_raw(b"")
        attacker.send_raw(b"\x80" * 1500)
        attacker.send_raw(b"\x90\xc8" + secrets.token_bytes(30))
        if i % 2:
            encoder.voice()
        await asyncio.sleep(max(0.0, begun + (i + 1) / 100 - time.monotonic()))
    counters = room.worker.port.counters
    await until(lambda: counters.unreadable + counters.over_budget + counters.malformed >= 10_000)
    assert client.total() - others >= 45
    before, others = attacker.total(), client.total()
    await talk(encoder, 0.5)
    assert client.total() - others >= 20
    assert attacker.total() - before >= 20
    assert counters.over_budget >= 3000, "beyond its budget nothing is decrypted"
    assert counters.unreadable <= 2 * transport.PACKETS_PER_SECOND + 100
    assert not [event for event in room.told(say.Connection) if event.state == "closed"]
    assert publisher.connected.is_set()


@in_virtual_time
async def test_a_peer_cannot_fill_the_worker_with_sources(room: Room) -> None:
    """Authentic packets of ever new sources are refused beyond 64 before they are decrypted; the known ones go on, new ones come slowly."""
    client, (encoder,) = await room.publisher("ana", video=0, audio=1)
    listener = await room.subscriber("budi")
    await talk(encoder, 0.2)
    for ssrc in range(5000, 5300):
        client.send(rtp.build(b"x", payload_type=111, sequence=1, timestamp=1, ssrc=ssrc))
    await talk(encoder, 0.5)
    link = room.router.members["ana"].publication.transport  # type: ignore[union-attr]
    assert transport.NEW_SSRCS - 2 <= len(link.ssrcs) <= transport.NEW_SSRCS + 1
    assert room.worker.port.counters.new_ssrc >= 300 - transport.NEW_SSRCS
    before = listener.total()
    await talk(encoder, 0.5)
    assert listener.total() - before >= 20
    await talk(encoder, 6)
    encoder.ssrc, before = 77, listener.total()
    await talk(encoder, 1)
    assert listener.total() - before >= 40, "a track that comes later is heard"


async def test_forged_alerts_from_strangers_do_not_end_a_call(room: Room) -> None:
    """Plain alerts and hellos from the peer's own address are ignored by an established call."""
    _, (encoder,) = await room.publisher("ana", video=0, audio=1)
    client = await room.subscriber("budi")
    for datagram in (ALERT, CLOSE_NOTIFY, HELLO, b"\x16" * 13, b"\x17" * 1500):
        client.send_raw(datagram)
    await talk(encoder, 0.4)
    assert client.total() >= 15


async def test_a_wrong_fingerprint_is_refused(room: Room) -> None:
    """One wrong bit in the announced fingerprint: no keys, the connection is closed."""
    client = Client()
    offer = client.offer()
    at = offer.index("sha-256 ") + 8
    forged = offer[:at] + ("11" if offer[at : at + 2] != "11" else "22") + offer[at + 2 :]
    answer = await room.worker.obey(say.Publish(room="r", peer="eve", sdp=forged))
    assert isinstance(answer, say.Description)
    await client.connect(answer.sdp)
    await until(lambda: any(e.reason == "dtls" for e in room.told(say.Connection)))
    await client.close()


async def test_wrong_ice_credentials_get_silence(room: Room) -> None:
    """A check with a wrong password is not answered: no oracle, no amplification."""
    client = Client()
    answer = await room.worker.obey(say.Publish(room="r", peer="eve", sdp=client.offer()))
    assert isinstance(answer, say.Description)
    client._remember(answer.sdp, sdp.parse(answer.sdp))
    client._remote_password = "x" * 32
    await client.open()
    for _ in range(5):
        client._check()
    await asyncio.sleep(0.1)
    assert not client.validated.is_set()
    assert room.worker.port.ice.refused >= 5
    await client.close()


@pytest.mark.parametrize(
    "text",
    [
        "v=0\r\n" + "m=video 9 UDP/TLS/RTP/SAVPF 96\r\n" * 65,
        "v=0\r\n" + "a=x:" + "y" * (1 << 20),
        "",
        "v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\n",
        "v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=fingerprint:sha-1 " + ":".join(["AA"] * 20) + "\r\n",
        "v=0\r\n" + "a=candidate:1\r\n" * 70,
    ],
    ids=["65 lines", "1 MiB", "empty", "bare", "sha-1", "candidates"],
)
async def test_a_bad_description_is_refused_with_a_reason(room: Room, text: str) -> None:
    """Refused within 50 ms of work (G10); nothing is left behind."""
    begun = time.thread_time()
    with pytest.raises(Refused) as refused:
        await room.worker.obey(say.Publish(room="r", peer="eve", sdp=text))
    assert refused.value.code in ("invalid", "unacceptable")
    assert time.thread_time() - begun < 0.05
    assert room.worker.statistics()["peers"] == 0


LINES = st.sampled_from(
    [line for line in Client().offer(audio=1, video=1, simulcast=True).split("\r\n") if line]
    + [
        "a=extmap:99999 x",
        "a=ssrc:99 cname:a",
        "a=ssrc-group:FID 1 2",
        "a=fmtp:96 apt=x",
        "m=audio 9 X 0",
        "a=rid:q send",
    ]
)


@settings(max_examples=200)
@given(st.lists(st.one_of(LINES, st.text(max_size=40)), max_size=60))
def test_damaged_descriptions_raise_only_value_error(lines: list[str]) -> None:
    """Any mixture of real and random lines is answered or refused as ValueError, never otherwise."""
    local = negotiation.Local("ufrag", "p" * 22, transport.Fingerprint("sha-256", "AA"), [("127.0.0.1", 9)])
    try:
        offer = sdp.parse("v=0\r\n" + "\r\n".join(lines))
        text, tracks = negotiation.answer_publisher(offer, local)
    except ValueError:
        return
    assert tracks
    assert sdp.parse(text).media


async def test_peers_beyond_the_limit_are_refused(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full worker says so; leaving makes room."""
    monkeypatch.setattr("smartroom.media.worker.MAX_PEERS", 2)
    for i in range(2):
        await room.worker.obey(say.Publish(room="r", peer=f"p{i}", sdp=Client().offer()))
    with pytest.raises(Refused) as refused:
        await room.worker.obey(say.Publish(room="r", peer="p2", sdp=Client().offer()))
    assert refused.value.code == "overloaded"
    await room.worker.obey(say.Leave(room="r", peer="p0"))
    await room.worker.obey(say.Publish(room="r", peer="p2", sdp=Client().offer()))


async def test_joins_and_leaves_leave_nothing_behind(room: Room) -> None:
    """Connections that come and go leave no address, agent or descriptor."""
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208  # names only
    for i in range(25):
        client = await room.subscriber(f"s{i}")
        await room.worker.obey(say.Leave(room="r", peer=f"s{i}"))
        await client.close()
    await until(lambda: room.worker.statistics()["peers"] == 0)
    await until(lambda: not room.worker.port.ice.agents)
    assert not room.worker.port.ice._by_ufrag
    assert len(os.listdir("/proc/self/fd")) <= before + 1  # noqa: PTH208  # names only
