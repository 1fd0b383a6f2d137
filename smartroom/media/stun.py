"""STUN binding requests and their answers, as an ICE-lite agent needs them (RFC 8489, RFC 8445)."""

from __future__ import annotations

import binascii
import hmac
import socket
import struct
from dataclasses import dataclass

COOKIE = 0x2112A442
BINDING_REQUEST, BINDING_INDICATION = 0x0001, 0x0011
BINDING_SUCCESS, BINDING_ERROR = 0x0101, 0x0111
MAX_MESSAGE = 1280

USERNAME, MESSAGE_INTEGRITY, ERROR_CODE, UNKNOWN_ATTRIBUTES = 0x0006, 0x0008, 0x0009, 0x000A
XOR_MAPPED_ADDRESS, PRIORITY, USE_CANDIDATE = 0x0020, 0x0024, 0x0025
FINGERPRINT, ICE_CONTROLLED, ICE_CONTROLLING = 0x8028, 0x8029, 0x802A

_HEADER = struct.Struct("!HHL12s")
_ATTRIBUTE = struct.Struct("!HH")
_MAPPED = struct.Struct("!xBH")
_COOKIE = COOKIE.to_bytes(4, "big")
_UNDERSTOOD = {USERNAME, MESSAGE_INTEGRITY, PRIORITY, USE_CANDIDATE}
_FINGERPRINT_XOR = 0x5354554E


class Key:
    """HMAC-SHA1 under one short-term password; the password itself is hashed once (RFC 8489 14.5)."""

    __slots__ = ("_begun",)

    def __init__(self, password: str) -> None:
        self._begun = hmac.new(password.encode(), digestmod="sha1")

    def sign(self, data: bytes) -> bytes:
        """MESSAGE-INTEGRITY of these bytes."""
        signing = self._begun.copy()
        signing.update(data)
        return signing.digest()


@dataclass(slots=True)
class Message:
    """One STUN message; attribute values as they came."""

    kind: int
    transaction: bytes
    attributes: dict[int, bytes]
    integrity_at: int  # offset of MESSAGE-INTEGRITY, 0 = absent
    data: bytes

    @property
    def username(self) -> str:
        """USERNAME, empty when absent or not text."""
        return self.attributes.get(USERNAME, b"").decode("utf-8", "replace")

    @property
    def unknown(self) -> list[int]:
        """Comprehension-required attributes this agent does not know."""
        return [kind for kind in self.attributes if kind < 0x8000 and kind not in _UNDERSTOOD]

    def authentic(self, key: Key) -> bool:
        """Whether MESSAGE-INTEGRITY was made with this key."""
        end = self.integrity_at
        if not end:
            return False
        length = (end + 24 - 20).to_bytes(2, "big")
        return hmac.compare_digest(
            key.sign(self.data[:2] + length + self.data[4:end]), self.attributes[MESSAGE_INTEGRITY]
        )


def parse(data: bytes) -> Message:
    """Parse a STUN message; ValueError when malformed or its FINGERPRINT is wrong."""
    size = len(data)
    if not 20 <= size <= MAX_MESSAGE:
        raise ValueError("STUN message of impossible size")
    kind, length, cookie, transaction = _HEADER.unpack_from(data)
    if kind & 0xC000 or cookie != COOKIE or length != size - 20 or length % 4:
        raise ValueError("not a STUN message")
    attributes: dict[int, bytes] = {}
    integrity_at = 0
    position = 20
    while position < size:
        attribute, length = _ATTRIBUTE.unpack_from(data, position)
        end = position + 4 + length
        if end > size:
            raise ValueError("STUN attribute is cut")
        if attribute == FINGERPRINT:
            if data[position + 4 : end] != _fingerprint(data[:position]) or end != size:
                raise ValueError("STUN fingerprint is wrong")
            break
        if not integrity_at:  # what follows MESSAGE-INTEGRITY is not protected: ignored
            attributes.setdefault(attribute, data[position + 4 : end])
            if attribute == MESSAGE_INTEGRITY:
                if length != 20:
                    raise ValueError("STUN integrity of wrong length")
                integrity_at = position
        position = end + -length % 4
    return Message(kind, transaction, attributes, integrity_at, data)


def success(request: Message, host: str, port: int, key: Key) -> bytes:
    """A binding success with the reflexive address."""
    family, sort = (socket.AF_INET6, 2) if ":" in host else (socket.AF_INET, 1)
    packed = socket.inet_pton(family, host)
    mask = (_COOKIE + request.transaction)[: len(packed)]
    address = (int.from_bytes(packed, "big") ^ int.from_bytes(mask, "big")).to_bytes(len(packed), "big")
    value = _MAPPED.pack(sort, port ^ COOKIE >> 16) + address
    return build(BINDING_SUCCESS, request.transaction, [(XOR_MAPPED_ADDRESS, value)], key)


def error(request: Message, code: int, reason: str, key: Key) -> bytes:
    """A binding error; 420 names the attributes not understood."""
    value = struct.pack("!HBB", 0, code // 100, code % 100) + reason.encode()
    attributes = [(ERROR_CODE, value)]
    if code == 420:
        unknown = request.unknown
        attributes.append((UNKNOWN_ATTRIBUTES, struct.pack(f"!{len(unknown)}H", *unknown)))
    return build(BINDING_ERROR, request.transaction, attributes, key)


def build(kind: int, transaction: bytes, attributes: list[tuple[int, bytes]], key: Key) -> bytes:
    """A message with MESSAGE-INTEGRITY and FINGERPRINT."""
    body = b"".join(
        _ATTRIBUTE.pack(attribute, len(value)) + value + bytes(-len(value) % 4) for attribute, value in attributes
    )
    head = _HEADER.pack(kind, len(body) + 24, COOKIE, transaction)
    body += _ATTRIBUTE.pack(MESSAGE_INTEGRITY, 20) + key.sign(head + body)
    data = _HEADER.pack(kind, len(body) + 8, COOKIE, transaction) + body
    return data + _ATTRIBUTE.pack(FINGERPRINT, 4) + _fingerprint(data)


def _fingerprint(data: bytes) -> bytes:
    return struct.pack("!L", binascii.crc32(data) ^ _FINGERPRINT_XOR)
