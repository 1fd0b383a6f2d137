"""The chat of one meeting: numbered, bounded, read by who comes late."""

from __future__ import annotations

from collections import deque

from smartroom.control.conference import names
from smartroom.control.limits import CHAT_LINES, CHAT_PAGE
from smartroom.protocol.conference import ChatLine, ChatLines, Person


class ChatBook:
    """The newest lines; older ones are forgotten."""

    def __init__(self) -> None:
        self.newest = 0
        self._lines: deque[ChatLine] = deque(maxlen=CHAT_LINES)

    def add(self, person: Person, text: str, at: float) -> ChatLine | None:
        """A line; None when nothing readable is left of it."""
        said = "\n".join(filter(None, map(names.clean, text.splitlines())))
        if not said:
            return None
        self.newest += 1
        line = ChatLine(
            number=self.newest, at=at, person=person.id, name=person.name, agency_name=person.agency_name, text=said
        )
        self._lines.append(line)
        return line

    def read(self, before: int | None) -> ChatLines:
        """A page of lines before a number, the oldest first."""
        older = [line for line in self._lines if before is None or line.number < before]
        return ChatLines(lines=older[-CHAT_PAGE:], more=len(older) > CHAT_PAGE)
