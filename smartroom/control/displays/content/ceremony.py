"""Ceremony: the plaque with its live ink, or what stands around it. The page follows the room's stage by itself; this says which face it shows."""

from __future__ import annotations

from typing import Final, Literal

from smartroom.control.displays.content.base import Content
from smartroom.protocol.base import Text

_FACES: Final = {
    "plaque": Text(id="Prasasti", en="Plaque"),
    "text": Text(id="Naskah prasasti", en="Text of the plaque"),
    "countdown": Text(id="Hitung mundur", en="Countdown"),
    "certificate": Text(id="Piagam dan kode QR", en="Certificate and QR code"),
    "photo": Text(id="Foto bersama", en="Group photo"),
    "replay": Text(id="Putar ulang tanda tangan", en="Replay of the signature"),
}


class Ceremony(Content):
    """`plaque` goes through cloth, ink, gold and unveiling as the ceremony does."""

    kind: Literal["ceremony"]
    face: Literal["plaque", "text", "countdown", "certificate", "photo", "replay"] = "plaque"

    def words(self) -> Text:
        """`Upacara: Prasasti`."""
        face = _FACES[self.face]
        return Text(id=f"Upacara: {face.id}", en=f"Ceremony: {face.en}")
