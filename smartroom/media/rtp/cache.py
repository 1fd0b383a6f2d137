"""A ring of recent packets that answers retransmission requests of every subscriber."""

from __future__ import annotations

from smartroom.media.rtp.packet import Packet

VIDEO_PACKETS = 512  # about 0.6 s at 720p, 2-4 s at 180p
AUDIO_PACKETS = 64
MAX_BYTES = 1 << 20


class PacketCache:
    """Keeps the newest packets by unwrapped number, bounded in packets and in bytes."""

    __slots__ = ("_capacity", "_limit", "_oldest", "_ring", "size")

    def __init__(self, capacity: int = VIDEO_PACKETS, limit: int = MAX_BYTES) -> None:
        self._capacity = capacity
        self._limit = limit
        self._ring: list[Packet | None] = [None] * capacity
        self._oldest = -1
        self.size = 0

    def put(self, packet: Packet) -> bool:
        """Keep a packet; False for one already here or too old to keep."""
        index = packet.index
        place = index % self._capacity
        before = self._ring[place]
        if before is not None:
            if before.index >= index:
                return False
            self.size -= len(before.data)
        self._ring[place] = packet
        self.size += len(packet.data)
        if self._oldest < 0 or index < self._oldest:
            self._oldest = index
        if self.size > self._limit:
            self._shrink()
        return True

    def get(self, index: int) -> Packet | None:
        """The packet with this number, None when it is not here any more."""
        packet = self._ring[index % self._capacity]
        return packet if packet is not None and packet.index == index else None

    def _shrink(self) -> None:
        kept = sorted(p.index for p in self._ring if p is not None)
        for index in kept:
            if self.size <= self._limit:
                break
            place = index % self._capacity
            packet = self._ring[place]
            if packet is not None:
                self.size -= len(packet.data)
                self._ring[place] = None
