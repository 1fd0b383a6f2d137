"""What every kind of content is: a small document, checked once, that reads as words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Self

from pydantic import BaseModel, ConfigDict, Field

from devices.sdk.errors import BadSetting
from smartroom.protocol.base import Text

if TYPE_CHECKING:
    from smartroom.control.displays.outside import Outside
    from smartroom.control.displays.pictures.album import Album

Line = Annotated[str, Field(max_length=160, pattern=r"^[^\x00-\x1f\x7f]*$")]
"""One line of text as it stands on a wall: a name is never cut, so it has room."""

Moment = Annotated[str, Field(pattern=r"^([01]?\d|2[0-3])[.:][0-5]\d$")]
"""A time of day in the room's zone: `09.30`."""


class BadContent(BadSetting):
    """A content document cannot be shown. `where` is the place inside it, `fix` what to write instead."""

    def __init__(self, message: str, *, where: tuple[str | int, ...] = (), fix: str = "") -> None:
        super().__init__(message, key=".".join(map(str, where)))
        self.where = where
        self.fix = fix


class Part(BaseModel):
    """Base of what stands inside a document."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Content(Part):
    """Base of all kinds. A kind is one module here with one subclass, and one component of the same name on the page."""

    kind: str

    def words(self) -> Text:
        """What stands on the wall, as a host would say it."""
        return Text.of(self.kind)

    def pages(self) -> int:
        """How many pages `next` and `previous` go through."""
        return 1

    def resolved(self, album: Album) -> Self:
        """The same with names of pictures made ids. Raises BadContent for one that is not there."""
        del album
        return self

    async def ready(self, outside: Outside) -> None:
        """Look, before anything changes, whether it can be shown at all. Raises Refused with the reason."""
        del outside
