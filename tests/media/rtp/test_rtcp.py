"""RTCP: building, parsing, transport-cc feedback."""

import contextlib

from aiortc import rtp as aiortc_rtp
from hypothesis import given
from hypothesis import strategies as st

from smartroom.media.rtp import feedback, rtcp

WORD = st.integers(0, 0xFFFFFFFF)


@given(st.binary(max_size=120), st.sampled_from([200, 201, 202, 203, 204, 205, 206]))
def test_random_bytes_raise_only_value_error(data: bytes, kind: int) -> None:
    """Garbage in any RTCP kind is refused as ValueError and by nothing else."""
    padded = data + bytes(-len(data) % 4)
    for first in (0x80, 0x81, 0x8F, 0xA4, 0x9F):
        with contextlib.suppress(ValueError):
            rtcp.parse(bytes((first, kind)) + (len(padded) // 4).to_bytes(2, "big") + padded)
    with contextlib.suppress(ValueError):
        rtcp.parse(data)
    with contextlib.suppress(ValueError):
        feedback.parse(data)


@given(WORD, WORD, st.lists(st.integers(0, 0xFFFF), min_size=1, max_size=60, unique=True))
def test_every_number_of_a_nack_arrives(sender: int, media: int, numbers: list[int]) -> None:
    """Packing seventeen numbers to a block loses none and adds none."""
    (item,) = rtcp.parse(rtcp.nack(sender, media, numbers))
    assert isinstance(item, rtcp.Nack)
    assert set(item.sequences) == set(numbers)
    assert (item.sender, item.media) == (sender, media)


def test_reports_are_what_another_implementation_reads() -> None:
    """Aiortc reads our SR with a report block, SDES, NACK, PLI and REMB as we meant them."""
    block = rtcp.Report(5, 20, -3, 70000, 8, 9, 10)
    data = rtcp.sender_report(1, 2**60, 3, 4, 5, reports=[block]) + rtcp.source_description(1, "room")
    report, description = aiortc_rtp.RtcpPacket.parse(data)
    assert isinstance(report, aiortc_rtp.RtcpSrPacket)
    assert isinstance(description, aiortc_rtp.RtcpSdesPacket)
    assert (report.ssrc, report.sender_info.packet_count) == (1, 4)
    assert (report.reports[0].packets_lost, report.reports[0].fraction_lost) == (-3, 20)
    assert description.chunks[0].ssrc == 1
    (nack,) = aiortc_rtp.RtcpPacket.parse(rtcp.nack(1, 2, [65535, 0, 3]))
    assert isinstance(nack, aiortc_rtp.RtcpRtpfbPacket)
    assert [lost & 0xFFFF for lost in nack.lost] == [65535, 0, 3]
    (pli,) = aiortc_rtp.RtcpPacket.parse(rtcp.pli(1, 2))
    assert isinstance(pli, aiortc_rtp.RtcpPsfbPacket)
    assert pli.media_ssrc == 2
    (remb,) = aiortc_rtp.RtcpPacket.parse(rtcp.remb(1, 1_500_000, [7]))
    assert isinstance(remb, aiortc_rtp.RtcpPsfbPacket)
    assert aiortc_rtp.unpack_remb_fci(remb.fci)[1] == [7]
    (ours,) = rtcp.parse(rtcp.remb(1, 1_500_000, [7]))
    assert isinstance(ours, rtcp.Remb)
    assert abs(ours.bitrate - 1_500_000) < 16


def test_reports_survive_a_round_trip() -> None:
    """SR, RR, BYE and FIR are parsed as they were built."""
    block = rtcp.Report(5, 20, -3, 70000, 8, 9, 10)
    data = (
        rtcp.sender_report(1, 2, 3, 4, 5, reports=[block])
        + rtcp.receiver_report(6, [block, block])
        + rtcp.bye([1, 2])
        + rtcp.fir(1, 9, 3)
    )
    sender, receiver, bye, request = rtcp.parse(data)
    assert sender == rtcp.SenderReport(1, 2, 3, 4, 5, (block,))
    assert receiver == rtcp.ReceiverReport(6, (block, block))
    assert bye == rtcp.Bye((1, 2))
    assert request == rtcp.KeyframeRequest(1, 9)


@given(
    st.integers(0, 1 << 20),
    st.floats(1, 100_000),
    st.lists(st.one_of(st.none(), st.floats(-0.02, 0.05)), min_size=1, max_size=120),
)
def test_feedback_tells_every_arrival(base: int, start: float, gaps: list[float | None]) -> None:
    """Arrival times survive within a quarter of a millisecond, losses stay losses."""
    clock = start
    arrivals: dict[int, float] = {}
    for offset, gap in enumerate(gaps):
        if gap is not None:
            clock += gap
            arrivals[base + offset] = max(clock, 0.0)
    body, covered = feedback.build(base, len(gaps), arrivals, 5)
    packets, number = feedback.parse(body)
    assert number == 5
    assert len(packets) == covered
    for offset, (low, arrived) in enumerate(packets):
        assert low == base + offset & 0xFFFF
        true = arrivals.get(base + offset)
        assert (arrived is None) == (true is None)
        if true is not None and arrived is not None:
            assert abs(arrived - true) < 0.0003
    quick = feedback.parse_steady(rtcp.transport_feedback(1, 2, body))
    if quick is not None:
        assert (*quick[:2], packets[-1][1]) == (base & 0xFFFF, covered, quick[2])
        assert all(arrived is not None for _, arrived in packets)


@given(st.integers(0, 1 << 20), st.floats(1, 100_000), st.lists(st.floats(0, 0.063), min_size=1, max_size=120))
def test_feedback_of_a_good_path_is_read_at_once(base: int, start: float, steps: list[float]) -> None:
    """All received, short steps: the quick reading is there, and right."""
    arrivals = {base + i: start + sum(steps[:i]) for i in range(len(steps))}
    body, covered = feedback.build(base, len(steps), arrivals, 5)
    quick = feedback.parse_steady(rtcp.transport_feedback(1, 2, body))
    assert quick is not None
    assert quick[:2] == (base & 0xFFFF, covered) == (base & 0xFFFF, len(steps))
    assert abs(quick[2] - arrivals[base + len(steps) - 1]) < 0.0003
