"""One ceremony's journal: a chain in one or two copies, its heads signed by the sealing process at decisions."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from smartroom.control import clock
from smartroom.control.ceremony.ports import Sealing
from smartroom.control.chain import Anchor, Chain, FileStorage, Head, Record, examine
from smartroom.control.chain.examine import JUMP_S
from smartroom.control.chain.record import REMOVAL
from smartroom.protocol.ceremony import CopyState, JournalState
from smartroom.protocol.signing import HeadSigned, HeadStatement, SignHead

_LOG = logging.getLogger(__name__)

JOURNAL = "journal"
HEADS = "heads.jsonl"
"""Beside the journal and in the bundle: signed heads, one a line, so that a journal cut short is found without the database."""


class Journal:
    """`async with`: open, all records of earlier lives in `past`. What the chain raises comes through."""

    def __init__(
        self,
        ceremony: str,
        folder: Path,
        *,
        copy: Path | None = None,
        reserve: int = 0,
        sealing: Sealing | None = None,
        anchors: Sequence[Anchor] = (),
        news: Callable[[], None] = lambda: None,
    ) -> None:
        """`news` is called when something became durable or a copy's health changed."""
        self.folder = folder
        self._ceremony = ceremony
        self._sealing = sealing
        self._signed = 0
        self._jumped: float | None = None
        self._clock = _Clock()
        self._folders = [folder, *([copy / ceremony] if copy is not None else [])]
        copies = [FileStorage(each / JOURNAL, reserve=reserve) for each in self._folders]
        known = (*anchors, *(Anchor(head, HEADS) for head in kept_heads(folder)))
        self.chain = Chain(ceremony, copies, anchors=known, news=news, clock=self._clock)

    async def __aenter__(self) -> Self:
        await self.chain.__aenter__()
        if any(record.kind == REMOVAL for record in self.chain.past):  # killed while it forgot, or a copy came back
            await asyncio.to_thread(self._forget_beside)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.chain.__aexit__(kind, error, trace)

    @property
    def past(self) -> Sequence[Record]:
        """Records of earlier lives."""
        return self.chain.past

    @property
    def durable(self) -> int:
        """All records up to this number are on the disk."""
        return self.chain.durable.sequence

    @property
    def state(self) -> JournalState:
        """For pages."""
        chain = self.chain
        copies = [
            CopyState(
                name=Path(each.name).parent.name[:80], state=each.state.value, error=each.error[:200], room=each.room
            )
            for each in chain.health
        ]
        return JournalState(
            sequence=chain.head.sequence,
            durable=chain.durable.sequence,
            head=chain.durable.digest if chain.durable.sequence else "",
            signed=self._signed,
            copies=copies,
            stopped=chain.stopped,
            clock_jumped=self._jumped,
        )

    def note(self, kind: str, body: Mapping[str, Any]) -> Record:
        """Add a record; on the disk within 50 ms."""
        self._look_at_clock()
        return self.chain.append(kind, body)

    async def decide(self, kind: str, body: Mapping[str, Any]) -> Record:
        """Add a record and return when it is on the disk: only then may anything follow from it."""
        record = self.note(kind, body)
        await self.chain.settled(record.sequence)
        return record

    async def sign(self, record: Record) -> Record | None:
        """Have the head at a record signed, and keep the signature; None when the sealing process does not answer. Nobody waits for it."""
        if self._sealing is None:
            return None
        at = datetime.fromtimestamp(record.at, UTC)
        statement = HeadStatement(journal=self._ceremony, sequence=record.sequence, head=record.digest, at=at)
        try:
            told, _ = await self._sealing.ask(SignHead(statement=statement))
        except ConnectionError as error:
            _LOG.warning("journal %s: head %d is not signed: %s", self._ceremony, record.sequence, error)
            return None
        if not isinstance(told, HeadSigned):
            _LOG.warning("journal %s: head %d is not signed: %s", self._ceremony, record.sequence, told.tell)
            return None
        kept = await self.decide("head", {"signed": told.model_dump(mode="json")})
        with (self.folder / HEADS).open("a") as file:
            file.write(told.model_dump_json() + "\n")
        self._signed = record.sequence
        return kept

    async def remove(self, kind: str, body: Mapping[str, Any]) -> Record:
        """Take all records of a kind out of every copy, and out of what was kept beside them."""
        self._look_at_clock()
        records = await asyncio.to_thread(self._records)
        record = await self.chain.remove([each.sequence for each in records if each.kind == kind], body)
        await asyncio.to_thread(self._forget_beside)
        return record

    def told(self, head: int) -> None:
        """A signed head that stood in the journal already."""
        self._signed = max(self._signed, head)

    def _records(self) -> Sequence[Record]:
        """As the longest copy has them: one that failed stays behind."""
        found = []
        for copy in self._folders:
            with suppress(OSError):
                found.append(examine((copy / JOURNAL).read_bytes()))
        return max(found, key=lambda each: each.head.sequence).records

    def _forget_beside(self) -> None:
        for copy in self._folders:
            for beside in copy.glob(f"{JOURNAL}.*-*"):
                beside.unlink(missing_ok=True)

    def _look_at_clock(self) -> None:
        jump = self._clock.jump()
        if abs(jump) > JUMP_S:
            _LOG.warning("journal %s: the clock was set by %.1f s", self._ceremony, jump)
            self._jumped = round((self._jumped or 0.0) + jump, 1)
            self.chain.append("clock", {"jumped": round(jump, 3)})


class _Clock:
    """The house's clock for records, and how far it was set since it was last asked."""

    def __init__(self) -> None:
        self._last: tuple[float, float] | None = None

    def time(self) -> float:
        return clock.wall()

    def monotonic(self) -> float:
        return clock.monotonic()

    def jump(self) -> float:
        now = clock.wall(), clock.monotonic()
        last, self._last = self._last, now
        return 0.0 if last is None else (now[0] - last[0]) - (now[1] - last[1])


def kept_heads(folder: Path) -> list[Head]:
    """Heads of the file beside a journal; who signed them is for a check to say."""
    try:
        lines = (folder / HEADS).read_text().splitlines()
    except OSError:
        return []
    found = []
    for line in lines:
        try:
            statement = json.loads(line)["statement"]
            found.append(Head(int(statement["sequence"]), str(statement["head"])))
        except (ValueError, KeyError, TypeError):
            continue  # a line the power cut in two
    return found
