"""One room, as a program sees it: its state, and everything that may be asked of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, aclosing
from typing import Literal, overload
from urllib.parse import urlencode
from uuid import uuid4

from smartroom.client.follow import Follower
from smartroom.client.wire import RUN_S, Wire
from smartroom.protocol.base import Text, Value
from smartroom.protocol.commands import Accepted, ApplyReport
from smartroom.protocol.history import History, HistoryQuery
from smartroom.protocol.scenes import Override, Plan, Recording, RecordLine
from smartroom.protocol.state import RoomState, Run

PATIENCE_S = 60.0
"""A server that is started again is back long before."""


class Room:
    """A room of a server. Every call raises ClientError; every press carries an id of its own, so a repeated packet changes nothing."""

    def __init__(
        self, wire: Wire, room: str, following: Callable[[Follower], AbstractAsyncContextManager[None]]
    ) -> None:
        self.id = room
        self._wire = wire
        self._path = f"rooms/{room}"
        self._following = following

    async def state(self) -> RoomState:
        """Everything about the room, now."""
        return await self._wire.ask("GET", self._path, RoomState)

    async def watch(self, *, patience: float = PATIENCE_S) -> AsyncGenerator[RoomState, None]:
        """The state now and after each change, newest first: who is slow misses steps, never the last one.

        A break is mended by itself; a server that stays away for `patience` seconds raises ServerGone.
        """
        follower = Follower(self._wire, self.id, patience)
        async with self._following(follower):
            while True:
                await follower.changed.wait()
                follower.changed.clear()
                if follower.error is not None:
                    raise follower.error
                yield follower.mirror.state

    async def until(
        self,
        holds: Callable[[RoomState], bool],
        *,
        timeout: float = PATIENCE_S,  # noqa: ASYNC109  # the caller's deadline, kept here with asyncio.timeout
    ) -> RoomState:
        """Wait until something holds and return that state; TimeoutError after `timeout` seconds."""
        async with asyncio.timeout(timeout), aclosing(self.watch(patience=timeout)) as states:
            async for state in states:
                if holds(state):
                    return state
        raise AssertionError  # a watch ends by an error only

    async def plan(self, scene: str) -> Plan:
        """What a scene would do, from fresh readings; nothing is sent."""
        return await self._wire.ask("GET", f"{self._path}/scenes/{scene}/plan", Plan)

    @overload
    async def apply(
        self, scene: str, *, plan: Plan | None = None, override: Override | None = None, wait: Literal[True] = True
    ) -> ApplyReport: ...
    @overload
    async def apply(
        self, scene: str, *, plan: Plan | None = None, override: Override | None = None, wait: Literal[False]
    ) -> Accepted: ...
    async def apply(
        self, scene: str, *, plan: Plan | None = None, override: Override | None = None, wait: bool = True
    ) -> ApplyReport | Accepted:
        """Recall a scene; with `wait` until its end, else only until the server has taken it (`report` waits later).

        With a `plan` made earlier, only if it does exactly what stands there: when anything moved since, Overtaken says what, and nothing is
        sent. A scene that breaks a rule of wear or safety is refused; a technician's `override` sets named rules aside, with a reason.
        """
        body: dict[str, object] = {"plan": plan.model_dump(mode="json")} if plan is not None else {}
        body |= {"override": override.model_dump(mode="json")} if override is not None else {}
        return await self._run(f"scenes/{scene}/apply", body, wait=wait)

    @overload
    async def retry(
        self, scene: str, device: str | None = None, name: str | None = None, *, wait: Literal[True] = True
    ) -> ApplyReport: ...
    @overload
    async def retry(
        self, scene: str, device: str | None = None, name: str | None = None, *, wait: Literal[False]
    ) -> Accepted: ...
    async def retry(
        self, scene: str, device: str | None = None, name: str | None = None, *, wait: bool = True
    ) -> ApplyReport | Accepted:
        """Bring back what the scene's last run did not reach or has lost since: all, one device's, or its property `name` alone."""
        return await self._run(f"scenes/{scene}/retry", {"device": device, "property": name}, wait=wait)

    @overload
    async def undo(self, run: str | None = None, *, wait: Literal[True] = True) -> ApplyReport: ...
    @overload
    async def undo(self, run: str | None = None, *, wait: Literal[False]) -> Accepted: ...
    async def undo(self, run: str | None = None, *, wait: bool = True) -> ApplyReport | Accepted:
        """Take the last change back; `run`, from `RoomState.undo`, refuses any other than the one seen."""
        return await self._run("undo", {"run": run}, wait=wait)

    async def recording(self, extends: str | None = "*") -> Recording:
        """The room as it is, as a difference from a scene; `*` takes the one that leaves the shortest file. Nothing is written."""
        return await self._wire.ask("GET", f"{self._path}/recording?{urlencode({'extends': extends or ''})}", Recording)

    async def record(self, scene: str, name: Text, recording: Recording, lines: Sequence[RecordLine]) -> Accepted:
        """Write these lines of a recording, reviewed, as a new scene."""
        written = [{"device": line.device, "property": line.property, "value": line.value} for line in lines]
        body: dict[str, object] = {
            "scene": scene,
            "name": name.model_dump(),
            "extends": recording.extends,
            "lines": written,
        }
        return await self._press("POST", "scenes", body)

    async def report(self, run: str) -> ApplyReport:
        """Wait for a run to end."""
        return await self._wire.ask("GET", f"{self._path}/runs/{run}", ApplyReport, limit=RUN_S)

    async def cancel(self, run: str) -> Accepted:
        """Stop a run where it is."""
        return await self._press("POST", f"runs/{run}/cancel", {})

    async def set(self, device: str, name: str, value: Value) -> Value:
        """Set one property by hand; returns what was read back from the device."""
        answer = await self._press("PUT", f"devices/{device}/properties/{name}", {"value": value}, limit=RUN_S)
        return answer.value

    async def act(self, device: str, action: str, arguments: Mapping[str, Value] | None = None) -> Accepted:
        """Do something that is no state: drive a camera, store a preset."""
        return await self._press("POST", f"devices/{device}/actions/{action}", {"arguments": dict(arguments or {})})

    async def blank(self, *, on: bool) -> Accepted:
        """Hide or show the picture on every output that can."""
        return await self._press("POST", "blank", {"on": on}, limit=RUN_S)

    async def dismiss(self) -> Accepted:
        """Do not offer the unfinished run any more."""
        return await self._press("POST", "dismiss", {})

    async def runs(self, limit: int = 50) -> list[Run]:
        """Finished runs, newest first; at most 200."""
        return await self._wire.ask("GET", f"{self._path}/runs?limit={limit}", list[Run])

    async def history(self, query: HistoryQuery | None = None) -> History:
        """What happened, newest first: runs, hands, changes at devices, broken links. `older` of the answer is `before` of the next question."""
        asked = query.model_dump(mode="json", exclude_defaults=True) if query is not None else {}
        return await self._wire.ask("GET", f"{self._path}/history?{urlencode(asked)}", History)

    async def _run(self, path: str, body: Mapping[str, object], *, wait: bool) -> ApplyReport | Accepted:
        press = {"id": str(uuid4()), **body}
        if wait:
            return await self._wire.ask("POST", f"{self._path}/{path}?wait=true", ApplyReport, press, limit=RUN_S)
        return await self._wire.ask("POST", f"{self._path}/{path}", Accepted, press)

    async def _press(self, method: str, path: str, body: dict[str, object], *, limit: float = 10.0) -> Accepted:
        return await self._wire.ask(method, f"{self._path}/{path}", Accepted, {"id": str(uuid4()), **body}, limit=limit)
