"""Slides: one picture or many, turned by hand or by the server's clock."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field

from smartroom.control.displays.content.base import Content, Line
from smartroom.control.displays.pictures.album import Album
from smartroom.protocol.base import Text


class Slides(Content):
    """`every` seconds turns them by itself, on all walls together; 0 leaves it to the panel."""

    kind: Literal["slides"]
    images: Annotated[list[Annotated[str, Field(max_length=120)]], Field(min_length=1, max_length=100)]
    """Names of files in the room's `pictures/`, or ids of uploads."""
    title: Line = ""
    fit: Literal["contain", "cover"] = "contain"
    every: Annotated[float, Field(ge=0, le=3600)] = 0

    def words(self) -> Text:
        """`Gambar: Paparan (12 halaman)`."""
        title = f": {self.title}" if self.title else ""
        count = len(self.images)
        pages = "" if count == 1 else f" ({count} halaman)"
        english = "" if count == 1 else f" ({count} pages)"
        return Text(id=f"Gambar{title}{pages}", en=f"Picture{title}{english}")

    def pages(self) -> int:
        """One per picture."""
        return len(self.images)

    def resolved(self, album: Album) -> Self:
        """Names become ids, which the page asks the server for."""
        found = [album.id_of(name, ("images", index)) for index, name in enumerate(self.images)]
        return self.model_copy(update={"images": found})
