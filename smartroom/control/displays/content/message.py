"""Message: one sentence for everybody in the room."""

from __future__ import annotations

from typing import Literal

from smartroom.control.displays.content.base import Content, Line
from smartroom.protocol.base import Text


class Message(Content):
    """`tone` decides mark and edge: told, warned, urgent."""

    kind: Literal["message"]
    title: Line
    text: Line = ""
    tone: Literal["info", "warning", "urgent"] = "info"

    def words(self) -> Text:
        """`Pesan: Rapat mundur 15 menit`."""
        return Text(id=f"Pesan: {self.title}", en=f"Message: {self.title}")
