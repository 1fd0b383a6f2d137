"""The last lines of the server's log, for the technician's page. Bounded; what is secret is masked before it is kept."""

from __future__ import annotations

import logging
import re
from collections import deque
from collections.abc import Iterable
from typing import Literal, Self, cast

from smartroom.control.limits import LOG_LENGTH, LOG_LINE
from smartroom.protocol.technician import LogLine

_MASK = "***"
_SHORTEST = 3
"""A secret of fewer characters cannot be masked: every word would hold it."""
_TOKENS = re.compile(r"\bsr_[A-Za-z0-9_-]{6,}|(?<=/pair/)[A-Za-z0-9_-]+|(?<=://)[^/@\s:]*:[^/@\s]+(?=@)")
"""Our own tokens, one-use links, and passwords in addresses."""
_LEVELS = {10: "debug", 20: "info", 30: "warning", 40: "error", 50: "critical"}


class LogBook(logging.Handler):
    """A handler of the root logger. `with LogBook() as log` keeps lines; `lines` reads them back."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.number = 0
        """Of the newest line."""
        self._lines: deque[LogLine] = deque(maxlen=LOG_LENGTH)
        self._secrets: tuple[str, ...] = ()

    def hide(self, secrets: Iterable[str]) -> None:
        """Values that no line may hold; in force for lines that come, and for those that are kept."""
        known = tuple(sorted({secret for secret in secrets if len(secret) >= _SHORTEST}, key=len, reverse=True))
        if known == self._secrets:
            return
        self._secrets = known
        kept = [line.model_copy(update={"text": self._clean(line.text)}) for line in self._lines]
        self._lines = deque(kept, maxlen=LOG_LENGTH)

    def lines(self, since: int = 0) -> list[LogLine]:
        """Lines after a number, oldest first."""
        return [line for line in tuple(self._lines) if line.number > since]

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one line; called with the handler's lock held, from whatever thread logs."""
        try:
            text = self.format(record)
        except Exception:  # noqa: BLE001  # a log line that cannot be formatted must not take its writer with it
            text = str(record.msg)
        self.number += 1
        level = _LEVELS.get(record.levelno // 10 * 10, "critical")
        self._lines.append(
            LogLine(
                number=self.number,
                at=round(record.created, 3),
                level=cast('Literal["debug", "info", "warning", "error", "critical"]', level),
                source=record.name,
                text=self._clean(text)[-LOG_LINE:],
            )
        )

    def __enter__(self) -> Self:
        logging.getLogger().addHandler(self)
        return self

    def __exit__(self, *_: object) -> None:
        logging.getLogger().removeHandler(self)

    def _clean(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, _MASK)
        return _TOKENS.sub(_MASK, text)
