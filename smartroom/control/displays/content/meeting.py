"""Meeting: the room's open meeting, live: its stage, one agency, who speaks, the shared screen, or everybody."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from smartroom.control.displays.content.base import Content
from smartroom.protocol.base import Text

_WORDS = {
    "stage": Text(id="Rapat: panggung", en="Meeting: stage"),
    "speaker": Text(id="Rapat: yang berbicara", en="Meeting: who speaks"),
    "slides": Text(id="Rapat: paparan", en="Meeting: shared screen"),
    "grid": Text(id="Rapat: semua peserta", en="Meeting: everybody"),
}


class Meeting(Content):
    """`stage` follows the host; everything else stays what it is. The page fetches only what it shows."""

    kind: Literal["meeting"]
    show: Literal["stage", "speaker", "slides", "grid", "agency"] = "stage"
    agency: Annotated[str, Field(pattern=r"^([a-z0-9][a-z0-9-]{0,63})?$")] = ""
    """Of agencies.yaml, with `show: agency`."""

    @model_validator(mode="after")
    def _named(self) -> Self:
        if (self.show == "agency") != bool(self.agency):
            raise ValueError("show: agency and agency: … belong together")
        return self

    def words(self) -> Text:
        """`Rapat: panggung`, `Rapat: bappeda`."""
        return _WORDS.get(self.show) or Text(id=f"Rapat: {self.agency}", en=f"Meeting: {self.agency}")
