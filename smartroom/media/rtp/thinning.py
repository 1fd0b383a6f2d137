"""Takes upper temporal layers out of a stream for everybody, as if its sender had never made them."""

from __future__ import annotations

from dataclasses import replace

from smartroom.media.rtp.layers import TemporalFilter, shift_picture
from smartroom.media.rtp.packet import Packet
from smartroom.media.rtp.sequence import Rewriter


class Thinner:
    """Renumbers what stays, so that nobody behind it sees a gap; begins at one packet and lives as long as the stream."""

    __slots__ = ("_filter", "_first", "_rewriter")

    def __init__(self, packet: Packet) -> None:
        self._first = packet.index
        self._filter = TemporalFilter()
        self._rewriter = Rewriter.unchanged(packet.index, packet.timestamp)

    def limit(self, temporal: int) -> None:
        """Let temporal layers up to this one pass; `ALL_LAYERS` = everything, from where the stream allows."""
        self._filter.limit = temporal

    def keep(self, packet: Packet) -> bool:
        """Renumber a packet in place; False when it is left out. Late packets follow what was decided at their time."""
        frame = packet.frame
        if packet.index < self._first:
            return True
        segment = self._rewriter.place(0, packet.index)
        if segment is None:
            return False
        if packet.index + segment.sequence > self._rewriter.highest:
            if frame is not None and frame.key:
                self._filter.key()
            if frame is not None and not self._filter.passes(frame):
                self._rewriter.skip(packet.index, new_frame=frame.begins and frame.dense)
                return False
            self._rewriter.advance(packet.index, packet.timestamp)
        packet.index += segment.sequence
        packet.sequence = packet.index & 0xFFFF
        if frame is not None and segment.picture and frame.picture >= 0:
            data = bytearray(packet.data)
            shift_picture(data, packet.start, frame, segment.picture, 0)
            packet.data = bytes(data)
            packet.frame = replace(frame, picture=frame.picture + segment.picture & (1 << frame.picture_bits) - 1)
        return True
