"""Values to bytes and bytes to words by a profile, pure: commands are filled in, replies are recognised by their patterns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from devices.ascii_matrix.profile import LONGEST_LINE, Profile, Reply
from devices.ascii_matrix.shapes import Checksum, Effect, Meaning
from devices.sdk import Framer, TerminatorFramer


@dataclass(frozen=True, slots=True)
class Shown:
    """An output (None: the one that was asked for) shows an input; 0 = none."""

    output: int | None
    source: int


@dataclass(frozen=True, slots=True)
class Word:
    """A reply without a state: done, refused, busy, unsupported, nothing; with the text for a technician."""

    means: Meaning
    text: str


def say(profile: Profile, effect: Effect, *, source: int = 0, outputs: tuple[int, ...] = (), preset: int = 0) -> bytes:
    """A command's bytes; KeyError where the dialect has none of that effect."""
    numbers = tuple(profile.spoken(output) for output in outputs)
    values: Mapping[str, int | tuple[int, ...]] = {
        "in": profile.spoken(source),
        "out": numbers[0] if numbers else 0,
        "outs": numbers,
        "preset": preset,
    }
    return encoded(profile, profile.commands[effect].template.fill(values))


def encoded(profile: Profile, text: str) -> bytes:
    """A filled template as bytes, its checksum put in."""
    if not profile.hexadecimal:
        return text.encode("latin-1")
    frame = bytes.fromhex(text.removesuffix("{sum}"))
    rule = profile.wire.checksum
    return frame + bytes([checksum(rule, frame)]) if rule is not None else frame


def checksum(rule: Checksum, frame: bytes) -> int:
    """The last byte of a frame from those before it."""
    counted = frame[rule.skip :]
    if rule.rule == "xor":
        value = 0
        for byte in counted:
            value ^= byte
        return value
    return (sum(counted) if rule.rule == "sum" else -sum(counted)) % 256


def parse(profile: Profile, message: bytes) -> tuple[Shown | Word, ...]:
    """What one whole message says, by the first pattern that fits; empty when none does."""
    text = " ".join(f"{byte:02X}" for byte in message) if profile.hexadecimal else message.decode("latin-1").strip()
    if len(text) > LONGEST_LINE:
        return ()
    for reply in profile.replies.values():
        groups = reply.pattern.fullmatch(text)
        if groups is not None:
            return _words(profile, reply, groups, text)
    return ()


def framer(profile: Profile) -> Framer:
    """Cuts the stream as the profile says."""
    if profile.hexadecimal:
        return FrameFramer(profile)
    ends = [end.encode("latin-1") for end in profile.wire.replies_end]
    return TerminatorFramer(*ends, limit=LONGEST_LINE, strip_nul=True)


class FrameFramer:
    """Frames of one length, found again after noise by their beginning and checksum."""

    def __init__(self, profile: Profile) -> None:
        self.garbage = 0
        self._start = bytes.fromhex(profile.wire.start)
        self._length = profile.wire.length or 0
        self._rule = profile.wire.checksum
        self._buffer = bytearray()

    def feed(self, chunk: bytes) -> list[bytes]:
        """Frames completed by this chunk."""
        self._buffer += chunk
        frames: list[bytes] = []
        while len(self._buffer) >= self._length:
            frame = bytes(self._buffer[: self._length])
            if self._whole(frame):
                frames.append(frame)
                del self._buffer[: self._length]
            else:
                self.garbage += 1
                del self._buffer[0]
        return frames

    def _whole(self, frame: bytes) -> bool:
        if not frame.startswith(self._start):
            return False
        return self._rule is None or checksum(self._rule, frame[:-1]) == frame[-1]


def _words(profile: Profile, reply: Reply, groups: Mapping[str, str], text: str) -> tuple[Shown | Word, ...]:
    if reply.means is not Meaning.ROUTE:
        return (Word(reply.means, text),)
    if reply.each_pattern is not None:
        each = reply.each_pattern.finditer(groups.get("each", text))
        return tuple(_shown(profile, item) for item in each)
    return (_shown(profile, groups),)


def _shown(profile: Profile, groups: Mapping[str, str]) -> Shown:
    output = profile.port(groups["out"]) if "out" in groups else None
    return Shown(output, max(0, profile.port(groups["in"])) if "in" in groups else 0)
