"""What can be asked of a wall, and its values in words. Pure but for the pictures it knows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from devices.sdk.errors import BadSetting
from devices.sdk.manifest import PropertySpec, ValueType
from devices.sdk.readings import Value
from smartroom.control.devices.inprocess import InProcessShape
from smartroom.control.displays.content import BadContent, canonical, parse
from smartroom.control.displays.pictures.album import Album
from smartroom.protocol.base import Text
from smartroom.protocol.state import ChoiceLabel

MAX_PAGE = 1000

SPECS: Final[Mapping[str, PropertySpec]] = {
    "content": PropertySpec(
        capability="content", type=ValueType.CONTENT, expected_ms=300, deadline_ms=10_000, salvo=True
    ),
    "page": PropertySpec(
        capability="content",
        type=ValueType.INTEGER,
        minimum=1,
        maximum=MAX_PAGE,
        expected_ms=300,
        deadline_ms=5000,
        salvo=True,
    ),
    "blank": PropertySpec(capability="blank", type=ValueType.BOOLEAN, expected_ms=300, deadline_ms=5000, salvo=True),
    "fault": PropertySpec(capability="status", type=ValueType.TEXT, settable=False),
}
"""Properties of every wall. What belongs to one moment travels together."""

ACTIONS = ("next", "previous", "identify", "reload")

_NOTHING = Text(id="Belum ada tayangan", en="Nothing shown yet")
_ALWAYS = ('{"kind":"blank"}', '{"kind":"pattern"}')
_OFFERED = 24


class WallShape(InProcessShape):
    """The shape of one wall."""

    noun = "wall"
    specs = SPECS
    actions = ACTIONS

    def __init__(self, album: Album) -> None:
        self._album = album
        self._offers: dict[str, ChoiceLabel] = {}
        self._seen: dict[str, ChoiceLabel] = {}

    def judge(self, name: str, spec: PropertySpec, value: Value) -> Value:
        """Content as its one text, names of pictures as ids."""
        if spec.type is ValueType.CONTENT:
            if value == "":  # nothing: the wall says who it is
                return ""
            return canonical(parse(value).resolved(self._album))
        if spec.type is ValueType.BOOLEAN and isinstance(value, bool):
            return value
        if spec.type is ValueType.INTEGER and isinstance(value, int) and not isinstance(value, bool):
            if 1 <= value <= MAX_PAGE:
                return value
            raise BadSetting(f"'{name}' cannot be {value}; it must be from 1 to {MAX_PAGE}", key=name)
        wanted = "true or false" if spec.type is ValueType.BOOLEAN else "a whole number"
        raise BadSetting(f"'{name}' cannot be {value!r}; it must be {wanted}", key=name)

    def words(self, name: str, value: object) -> Text | None:
        """`Sambutan: Rombongan Diskominfo`; None for what reads by itself."""
        if name != "content":
            return None
        if value in ("", None):
            return _NOTHING
        try:
            return parse(value).words()
        except BadContent:
            return Text(id="Tayangan tidak dikenal", en="Unknown content")

    def choices(self, name: str) -> list[ChoiceLabel]:
        """What scenes show here, what stood here lately, dark and test pattern."""
        if name != "content":
            return []
        offers = {**self._offers, **{text: self._choice(text) for text in _ALWAYS}, **self._seen}
        return [*offers.values(), self._choice("")]

    def offer(self, texts: Iterable[str]) -> None:
        """The contents that scenes want of this wall."""
        self._offers = {text: self._choice(text) for text in list(texts)[:_OFFERED]}

    def saw(self, text: str) -> bool:
        """A content stood on the wall; True when no choice named it before."""
        if not text or text in self._offers or text in _ALWAYS or text in self._seen:
            return False
        self._seen[text] = self._choice(text)
        while len(self._seen) > _OFFERED:
            del self._seen[next(iter(self._seen))]
        return True

    def _choice(self, text: str) -> ChoiceLabel:
        return ChoiceLabel(value=text, label=self.words("content", text) or _NOTHING)
