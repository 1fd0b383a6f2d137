"""Rehearsals on the pages: a room's twin beside it, begun and ended by people, with a life of hours at most."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from devices.sdk.catalog import Family
from devices.sdk.document import DocumentError
from smartroom.control import clock
from smartroom.control.errors import ProblemError, problem
from smartroom.control.limits import REHEARSAL_LIFE_S, REHEARSALS
from smartroom.control.rehearsal.twin import Original, readings_of, twinned
from smartroom.control.rooms import LiveRoom, file_problem
from smartroom.protocol.errors import ErrorCode
from smartroom.protocol.rehearsal import twin_of
from smartroom.protocol.state import Rehearsal

_LOG = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class _Going:
    """A rehearsal from the press that began it to its end."""

    over: asyncio.Event = field(default_factory=asyncio.Event)
    begun: asyncio.Future[Rehearsal] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Rehearsals:
    """`async with`: the twins are its tasks and end with it. `opened` and `closed` let people in and put them out."""

    def __init__(
        self,
        families: Mapping[str, Family],
        original: Callable[[str], LiveRoom | None],
        opened: Callable[[LiveRoom], None],
        closed: Callable[[str], object],
    ) -> None:
        self._families = families
        self._original = original
        self._opened = opened
        self._closed = closed
        self._going: dict[str, _Going] = {}
        self._group = asyncio.TaskGroup()
        self._idle = asyncio.Event()

    async def __aenter__(self) -> Self:
        """Ready for the first one."""
        await self._group.__aenter__()
        self._group.create_task(self._idle.wait(), name="rehearsals")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """All are over."""
        for going in self._going.values():
            going.over.set()
        self._idle.set()
        with suppress(asyncio.CancelledError):
            await self._group.__aexit__(kind, error, trace)

    async def begin(self, room: str, by: str) -> Rehearsal:
        """A twin of the room beside it, as the room reads now; the one that goes on is joined. ProblemError says why there is none."""
        live = self._original(room)
        if live is None:
            raise ProblemError(
                problem(ErrorCode.NOT_FOUND, f"Tidak ada ruangan '{room}'", f"There is no room '{room}'")
            )
        going = self._going.get(room)
        if going is None:
            if len(self._going) >= REHEARSALS:
                raise ProblemError(
                    problem(ErrorCode.OVERLOADED, "Terlalu banyak gladi berjalan", "Too many rehearsals are going on")
                )
            going = self._going[room] = _Going()
            self._group.create_task(self._live(live, by, going), name=f"rehearsal:{room}")
        return await asyncio.shield(going.begun)

    def end(self, room: str) -> None:
        """The twin is gone, and with it everything that was done in it."""
        if room in self._going:
            self._going[room].over.set()

    async def _live(self, live: LiveRoom, by: str, going: _Going) -> None:
        twin_id, readings = twin_of(live.id), readings_of(live.store.state)
        seeded = sum(len(found) for found in readings.values())
        told = Rehearsal(room=twin_id, of=live.id, by=by, started=clock.wall(), seeded=seeded)
        try:
            async with twinned(Original(live.folder, self._families, readings), twin_id) as twin:
                await twin.connected()
                twin.live.store.put(("rehearsal",), told)
                live.store.put(("rehearsal",), told)
                self._opened(twin.live)
                going.begun.set_result(told)
                try:
                    async with asyncio.timeout(REHEARSAL_LIFE_S):
                        await going.over.wait()
                except TimeoutError:
                    _LOG.info("the rehearsal of %s was forgotten, and is over", live.id)
                finally:
                    self._closed(twin_id)
        except DocumentError as error:
            going.begun.set_exception(ProblemError(file_problem(error)))
        except Exception as error:  # noqa: BLE001  # a twin that fails must not take its room with it
            _LOG.exception("the rehearsal of %s ended", live.id)
            why = problem(
                ErrorCode.INTERNAL, "Gladi tidak dapat dimulai", "The rehearsal cannot begin", detail=str(error)
            )
            if not going.begun.done():
                going.begun.set_exception(ProblemError(why))
        finally:
            del self._going[live.id]
            live.store.put(("rehearsal",), None)
            going.begun.cancel()
