"""Countdown: the time that is left until a moment, by the server's clock; or a figure that stands still while somebody holds it."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AwareDatetime, Field, model_validator

from smartroom.control.displays.content.base import Content, Line
from smartroom.protocol.base import Text


class Countdown(Content):
    """`to` names its zone: `2026-11-23T10:00:00+07:00`. Afterwards `done` stands there."""

    kind: Literal["countdown"]
    to: AwareDatetime | None = None
    left: Annotated[float, Field(ge=0, le=360_000)] | None = None
    """Seconds, standing still; instead of `to`."""
    title: Line = ""
    done: Line = "Dimulai"

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.to is None) == (self.left is None):
            raise ValueError("a countdown has `to`, a moment with its zone, or `left`, seconds that stand still")
        return self

    def words(self) -> Text:
        """`Hitung mundur: Peresmian, 10.00`."""
        title = f" {self.title}," if self.title else ""
        if self.to is None:
            return Text(id=f"Hitung mundur:{title} {self.left:g} detik", en=f"Countdown:{title} {self.left:g} s")
        return Text(id=f"Hitung mundur:{title} {self.to:%H.%M}", en=f"Countdown:{title} {self.to:%H:%M}")
