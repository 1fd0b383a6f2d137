"""What all messages share."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Value = bool | int | float | str | list[int] | None
"""A property's value on the wire: a JSON scalar, or [pan, tilt]."""

Id = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]
"""Id of a room, device, scene, source or output: as written in the site's files."""

Label = Annotated[str, Field(max_length=80)]


class Message(BaseModel):
    """Base of all messages: an unknown field is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)  # most words are not said at the start


class Text(Message):
    """A text in both languages of the pages."""

    id: str
    en: str = ""

    @classmethod
    def of(cls, text: str) -> Text:
        """The same words in both languages."""
        return cls(id=text, en=text)
