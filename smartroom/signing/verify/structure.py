"""What the bytes of a signed file must look like, beside what a PDF library makes of them. Pure; no PDF parser."""

from __future__ import annotations

import re
from collections.abc import Sequence

from smartroom.protocol.verdict import Finding

_HEX = re.compile(rb"[0-9A-Fa-f]+")
_STARTXREF = re.compile(rb"startxref\s+(\d{1,12})\s+%%EOF(?:\r\n|\r|\n)?\Z")


def gap_finding(pdf: bytes, byte_range: Sequence[int]) -> Finding | None:
    """What is wrong with a /ByteRange and the /Contents between its halves (ISO 32000-2, 12.8.1); none = nothing.

    The gap holds one hex string: a DER value, then zeros. Bytes hidden in the padding would be covered by no signature.
    """
    if len(byte_range) != 4:
        return Finding.NOT_COVERED
    start, first, second, rest = byte_range
    if start != 0 or first <= 0 or rest <= 0 or second < first or second + rest > len(pdf):
        return Finding.NOT_COVERED
    gap = pdf[first:second]
    if len(gap) < 4 or gap[:1] != b"<" or gap[-1:] != b">" or not _HEX.fullmatch(gap[1:-1]) or len(gap) % 2:
        return Finding.PADDING_USED
    contents = bytes.fromhex(gap[1:-1].decode())
    length = der_length(contents)
    if length is None:
        return Finding.SIGNATURE_BROKEN
    return Finding.PADDING_USED if contents[length:].strip(b"\0") else None


def tail_finding(pdf: bytes, covered: int) -> Finding | None:
    """What is wrong with the bytes after the last signature's range; none = nothing.

    A later revision (validation data) ends in its own `startxref`, which points into itself, and %%EOF; anything else was glued on.
    """
    tail = pdf[covered:]
    if not tail:
        return None
    found = _STARTXREF.search(tail[-64:])
    return None if found and covered <= int(found[1]) < len(pdf) else Finding.REVISION_ADDED


def der_length(value: bytes) -> int | None:
    """Length of the DER value that the bytes begin with, tag and length octets included (X.690 8.1.3); none = no DER SEQUENCE."""
    if len(value) < 2 or value[0] != 0x30:
        return None
    short = value[1]
    if short < 0x80:
        return 2 + short if 2 + short <= len(value) else None
    octets = short & 0x7F
    if not 1 <= octets <= 4 or len(value) < 2 + octets or value[2] == 0:
        return None
    length = 2 + octets + int.from_bytes(value[2 : 2 + octets])
    return length if length <= len(value) else None
