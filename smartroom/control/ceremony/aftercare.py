"""Ceremonies that have left the stage: documents are still raised, their timestamps renewed every year, ink forgotten when its time has come."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from smartroom.control import clock
from smartroom.control.ceremony.desk import DocumentDesk
from smartroom.control.ceremony.draft import Draft
from smartroom.control.ceremony.ports import Tools
from smartroom.control.ceremony.session import Audience, Session
from smartroom.control.errors import ProblemError
from smartroom.control.limits import AFTERCARE_RETRY_S, AFTERCARE_S
from smartroom.protocol.ceremony import CeremonyStage

_LOG = logging.getLogger(__name__)

_AFTER: Final = frozenset({CeremonyStage.SIGNED, CeremonyStage.REVEALED, CeremonyStage.ENDED, CeremonyStage.VOID})


class Aftercare:
    """One ceremony at a time. Whoever brings one to the stage calls `release` first: what was begun is safe to be left."""

    def __init__(
        self, drafts: Callable[[], Iterable[tuple[Draft, Path]]], on_stage: Callable[[str], bool], tools: Tools
    ) -> None:
        self._drafts = drafts
        self._on_stage = on_stage
        self._tools = tools
        self._caring: tuple[str, asyncio.Task[None]] | None = None

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            for draft, folder in await asyncio.to_thread(self._all):
                if self._due(draft):
                    await self._care(draft.id, folder)
            await asyncio.sleep(AFTERCARE_S)

    async def release(self, ceremony: str) -> None:
        """Let it go, if it is in care."""
        if self._caring is not None and self._caring[0] == ceremony:
            self._caring[1].cancel()
            await asyncio.wait({self._caring[1]})

    def _all(self) -> list[tuple[Draft, Path]]:
        return list(self._drafts())

    def _due(self, draft: Draft) -> bool:
        due = draft.due
        return draft.stage in _AFTER and due is not None and due <= clock.wall() and not self._on_stage(draft.id)

    async def _care(self, ceremony: str, folder: Path) -> None:
        task = asyncio.create_task(self._once(folder), name=f"aftercare:{ceremony}")
        self._caring = ceremony, task
        try:
            await asyncio.wait({task})
        finally:
            self._caring = None
            task.cancel()

    async def _once(self, folder: Path) -> None:
        try:
            async with Session(Draft.load(folder), folder, self._tools, Audience()) as session:
                due = await DocumentDesk(session, self._tools).settle()
                soonest = clock.wall() + AFTERCARE_RETRY_S
                await session.see_again(None if due is None else max(due, soonest))
        except (OSError, ValueError, ProblemError) as error:
            _LOG.warning("aftercare of %s: %s", folder.name, error)
        except Exception:  # noqa: BLE001  # one document's bug must not end the care of others
            _LOG.exception("aftercare of %s", folder.name)
