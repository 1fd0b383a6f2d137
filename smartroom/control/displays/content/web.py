"""Web: another site's page in a sandboxed frame, looked at by the server first."""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from smartroom.control.displays.content.base import Content, Line
from smartroom.control.displays.outside import Outside
from smartroom.protocol.base import Text


class Web(Content):
    """`every` seconds loads it anew; 0 never."""

    kind: Literal["web"]
    url: Annotated[str, Field(max_length=2000, pattern=r"^[^\x00-\x20\x7f]+$")]
    title: Line = ""
    every: Annotated[float, Field(ge=0, le=86_400)] = 0

    @field_validator("url")
    @classmethod
    def _plain(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in ("https", "http") or not parts.hostname:
            raise ValueError("an address begins with https:// or http://")
        if parts.username or parts.password:
            raise ValueError("a name or password does not belong into an address")
        return value

    def words(self) -> Text:
        """`Halaman: Dasbor aduan`."""
        what = self.title or urlsplit(self.url).hostname or ""
        return Text(id=f"Halaman: {what}", en=f"Page: {what}")

    async def ready(self, outside: Outside) -> None:
        """It may be shown, it answers, and it lets itself be framed."""
        await outside.may_frame(self.url)
