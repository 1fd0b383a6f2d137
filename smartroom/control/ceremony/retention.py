"""What becomes of ink when it is over: pressure and timing tell who writes like this, so only the outline stays, or the rest under a key that is not ours."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from smartroom.control.ceremony.strokes import Signature, Stroke
from smartroom.control.errors import ProblemError, problem
from smartroom.protocol.base import Text
from smartroom.protocol.errors import ErrorCode

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

STROKES = "strokes.p7m"
"""The encrypted points, in the ceremony's folder."""

_STEP: Final = 20.0
"""Units between points of an outline. Points that lay further apart where the pen was faster would tell its speed."""
_MOST: Final = 20_000
_PACE: Final = 3.0
"""Units a millisecond when an outline is drawn again: everybody writes at this speed."""
_PRESSURE: Final = 500


def outline(signatures: Sequence[Signature]) -> list[dict[str, Any]]:
    """Every signature's course in equal steps: where the pen was, not when or how firmly."""
    lengths = [_length(stroke.points) for each in signatures for stroke in each.strokes.values()]
    step = max(_STEP, sum(lengths) / _MOST)
    return [
        {
            "signatory": each.signatory,
            "attempt": each.attempt,
            "began": each.began,
            "strokes": [_even(stroke.points, step) for stroke in each.strokes.values() if stroke.points],
        }
        for each in signatures
    ]


def drawn_again(told: dict[str, Any]) -> Signature:
    """A signature from its outline, at everybody's speed and pressure."""
    signature = Signature(told["signatory"], told["attempt"], told["began"])
    ms = 0.0
    for number, line in enumerate(told["strokes"]):
        stroke = signature.strokes["outline", number] = Stroke("outline", number, end="up")
        last = line[0]
        for x, y in line:
            ms += math.dist(last, (x, y)) / _PACE
            stroke.points.append([x, y, round(ms), _PRESSURE])
            last = (x, y)
        ms += 150
        signature.points += len(line)
    return signature


def envelope(points: bytes, escrow: Path) -> tuple[bytes, dict[str, str]]:
    """The points for the owner of the escrow certificate alone (CMS EnvelopedData), and what to remember of it."""
    from cryptography.hazmat.primitives.ciphers.algorithms import AES256  # noqa: PLC0415  # a fifth of a second, once
    from cryptography.hazmat.primitives.serialization import Encoding, pkcs7  # noqa: PLC0415

    certificate = _certificate(escrow)
    builder = pkcs7.PKCS7EnvelopeBuilder().set_data(points).add_recipient(certificate)
    sealed = builder.set_content_encryption_algorithm(AES256).encrypt(Encoding.DER, [pkcs7.PKCS7Options.Binary])
    return sealed, {
        "sha256": hashlib.sha256(sealed).hexdigest(),
        "recipient": certificate.subject.rfc4514_string(),
    }


def check_escrow(escrow: Path | None) -> None:
    """Raises ProblemError CONFIGURATION when nobody holds a key for what is to be kept encrypted."""
    try:
        _certificate(escrow)
    except (OSError, ValueError) as error:
        raise ProblemError(
            problem(
                ErrorCode.CONFIGURATION,
                "Belum ada sertifikat pemegang kunci; titik tidak bisa disimpan terenkripsi",
                "There is no escrow certificate; points cannot be kept encrypted",
                detail=str(error),
                fix=Text(
                    id="Pilih 'hapus', atau minta petugas TI mengisi 'escrow' dengan sertifikat RSA",
                    en="Choose 'remove', or have IT set 'escrow' to an RSA certificate",
                ),
            )
        ) from None


def _certificate(path: Path | None) -> Certificate:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey  # noqa: PLC0415
    from cryptography.x509 import load_pem_x509_certificate  # noqa: PLC0415

    if path is None:
        raise ValueError("no `escrow` in section `ceremony`")
    certificate = load_pem_x509_certificate(path.read_bytes())
    if not isinstance(certificate.public_key(), RSAPublicKey):
        raise ValueError(f"{path}: the certificate's key is not RSA")  # noqa: TRY004  # a file's content, not a caller's type
    return certificate


def _length(points: Sequence[Sequence[int]]) -> float:
    return sum(math.dist(a[:2], b[:2]) for a, b in pairwise(points))


def _even(points: Sequence[Sequence[int]], step: float) -> list[tuple[int, int]]:
    """The same course with points in equal steps along it, and its end."""
    found = [(points[0][0], points[0][1])]
    left = step
    for before, after in pairwise(points):
        length = math.dist(before[:2], after[:2])
        gone = left
        while length and gone <= length:
            part = gone / length
            found.append(
                (round(before[0] + part * (after[0] - before[0])), round(before[1] + part * (after[1] - before[1])))
            )
            gone += step
        left = gone - length
    end = (points[-1][0], points[-1][1])
    return found if found[-1] == end else [*found, end]
