"""Everything people and programs may ask of a room. Each press is carried out once, however often it is sent."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from devices.sdk.commands import Act, Priority
from devices.sdk.errors import BadSetting, DeviceError
from devices.sdk.readings import Value as SdkValue
from smartroom.control import clock
from smartroom.control.devices.gateway import Gateway, NotReached, Unverified
from smartroom.control.errors import ProblemError, device_problem, problem
from smartroom.control.limits import PRESS_MEMORY
from smartroom.control.room.model import Device, PropertyKey, Room
from smartroom.control.room.store import Store
from smartroom.control.room.words import property_label, value_label
from smartroom.control.scenes.engine import Engine
from smartroom.control.scenes.model import UNDO, Scene
from smartroom.control.scenes.planner import wire_value
from smartroom.control.scenes.plans import Plans
from smartroom.control.scenes.recall import Recall
from smartroom.control.scenes.recorder import Recorder
from smartroom.control.scenes.rules import stops_by_itself
from smartroom.protocol.base import Text, Value
from smartroom.protocol.commands import Accepted, ApplyReport
from smartroom.protocol.errors import ErrorCode, Rule
from smartroom.protocol.scenes import Override, Plan, RecordedLine, Recording

_SAFETY = ("blank", "mute")
_DRIVES = ("drive", "drive_zoom")
"""Actions that go on until somebody ends them."""
_PressKey = tuple[str, str]
"""Who pressed, and the id they made: two people may make the same id."""


class Desk:
    """The way into one room. Every method raises ProblemError with words for the person who asked."""

    def __init__(
        self,
        room: Room,
        store: Store,
        gateway: Gateway,
        engine: Engine,
        dismissed: Callable[[str], None],
        folder: Path | None,
    ) -> None:
        """`folder` is the room's, for scenes that are recorded; none: nothing is kept."""
        self.room = room.id
        self.store = store
        self._room = room
        self._gateway = gateway
        self._engine = engine
        self._dismissed = dismissed
        self._plans = Plans(lambda: self._room, store, gateway, engine)
        self._recorder = Recorder(folder, lambda: self._room, lambda: engine.scenes, gateway)
        self._presses: OrderedDict[_PressKey, asyncio.Future[Accepted]] = OrderedDict()

    def describe(self, room: Room) -> None:
        """The room's file was saved."""
        self._room = room

    async def plan(self, scene: str, *, by: str = "") -> Plan:
        """What a scene would do, from readings that are fresh now. Nothing is sent but questions."""
        return await self._plans.make(self._scene(scene), by)

    async def apply_planned(
        self, scene: str, plan: Plan | str, override: Override | None = None, *, by: str, press: str
    ) -> Accepted:
        """Recall a scene only if it does exactly what a plan says, one given whole or one shown before, by its digest."""

        async def start() -> Accepted:
            await self._plans.check(plan, self._scene(scene))
            return self._started(scene, override, by, press)

        return await self._once_async((by, press), start)

    def apply(self, scene: str, override: Override | None = None, *, by: str, press: str) -> Accepted:
        """Recall a scene; returns at once with the run's id. Refused when it breaks a rule that `override` does not set aside."""
        return self._once((by, press), lambda: self._started(scene, override, by, press))

    def retry(self, scene: str, device: str | None, name: str | None = None, *, by: str, press: str) -> Accepted:
        """Bring back what a scene's last run, or taking back, did not reach or has lost since; all of it, one device's, or one property."""
        if scene == UNDO:
            return self._once((by, press), lambda: self._undoing(self._engine.undo_again(by, device), by, press))
        found = self._scene(scene)

        def start() -> Accepted:
            parts = self._engine.failed_parts(found, device, name)
            if not parts:
                raise ProblemError(
                    problem(
                        ErrorCode.INVALID,
                        "Tidak ada yang perlu diulangi",
                        "There is nothing to try again",
                        device=device,
                    )
                )
            recall, attached = self._engine.start(found, by, only=parts)
            self.store.did(by, _retried(found, parts, one=name is not None), run=recall.run.id)
            return Accepted(id=press, run=recall.run.id, attached=attached)

        return self._once((by, press), start)

    async def recording(self, extends: str | None) -> Recording:
        """The room as it is, as a difference from a scene; `*` takes the one that leaves the shortest file. Nothing is written."""
        return await self._recorder.propose(extends)

    def record(
        self,
        scene: str,
        name: Text,
        icon: str,
        extends: str | None,
        lines: Sequence[RecordedLine],
        *,
        by: str,
        press: str,
    ) -> Accepted:
        """Write reviewed lines as a new scene; its tile appears when the file has been read."""

        def write() -> Accepted:
            self._recorder.write(scene, name, icon, extends, lines, by)
            self.store.did(by, Text(id=f"merekam {name.id}", en=f"recorded {name.en or name.id}"))
            return Accepted(id=press)

        return self._once((by, press), write)

    def cancel(self, run: str, *, by: str, press: str) -> Accepted:
        """Stop a run where it is."""

        def stop() -> Accepted:
            recall = self._engine.recall(run)
            if recall.open:
                recall.cancel(problem(ErrorCode.CANCELLED, f"Dibatalkan oleh {by}", f"Cancelled by {by}"))
                self.store.did(
                    by,
                    Text(
                        id=f"membatalkan {recall.scene.name.id}",
                        en=f"cancelled {recall.scene.name.en or recall.scene.name.id}",
                    ),
                )
            return Accepted(id=press, run=run)

        return self._once((by, press), stop)

    def undo(self, run: str | None = None, *, by: str, press: str) -> Accepted:
        """Take the last run back: every property it changed and nobody touched since. `run` is the one that was offered."""
        return self._once((by, press), lambda: self._undoing(self._engine.undo(by, run), by, press))

    async def wait(self, run: str) -> ApplyReport:
        """The run when it ended, with what its properties read."""
        recall: Recall = self._engine.recall(run)
        await recall.finished.wait()
        readings: dict[str, dict[str, Value]] = {}
        for goal in recall.scene.goals:
            fact = self._gateway.fact(goal.device, goal.property)
            if fact.current:
                readings.setdefault(goal.device, {})[goal.property] = wire_value(fact.value)
        return ApplyReport(run=recall.run, readings=readings)

    async def set(self, device: str, name: str, value: Value, *, by: str, press: str) -> Accepted:
        """Set one property by hand; `Accepted.value` is what was read back."""
        found = self._device(device)
        wanted: SdkValue = tuple(value) if isinstance(value, list) else value
        with _device_errors(device, name):
            wanted = found.driver.check(name, wanted)

        async def bring() -> Accepted:
            began = clock.monotonic()
            with _device_errors(device, name):
                reading = await self._engine.by_hand(device, name, wanted, by)
            self._did(by, device, name, wanted, round((clock.monotonic() - began) * 1000))
            return Accepted(id=press, value=wire_value(reading.value))

        return await self._once_async((by, press), bring)

    async def act(self, device: str, action: str, arguments: dict[str, Value], *, by: str, press: str) -> Accepted:
        """Something that is no state: drive a camera, store a preset."""
        found = self._device(device)
        command = Act(action, {key: tuple(item) if isinstance(item, list) else item for key, item in arguments.items()})
        with _device_errors(device, None):
            found.driver.encode(command)
        if action in _DRIVES and not stops_by_itself(found):
            why = problem(
                ErrorCode.RULE,
                "Kamera ini tidak berhenti sendiri",
                "This camera does not stop by itself",
                detail=f"{Rule.PTZ_STOP}: its driver has no dead-man stop",
                device=device,
            )
            raise ProblemError(why)

        async def send() -> Accepted:
            with _device_errors(device, None):
                urgent = Priority.SAFETY if action == "stop" else Priority.OPERATOR
                self._engine.movers.act(device, by)
                await self._gateway.act(device, command, priority=urgent, name=action)
            if action == "store_preset":
                self.store.did(
                    by,
                    Text(
                        id=f"menyimpan posisi {found.name.id}",
                        en=f"stored a position of {found.name.en or found.name.id}",
                    ),
                    device=device,
                )
            return Accepted(id=press)

        return await self._once_async((by, press), send)

    async def blank(self, *, on: bool, by: str, press: str) -> Accepted:
        """Hide or show the picture wherever the room can, side by side; what could not is named."""

        async def every() -> Accepted:
            places = [
                (device.id, name)
                for device in self._room.devices.values()
                for name in device.driver.properties()
                if self._blanks(device.id, name) and not (device.kind == "wall" and device.problem)
            ]
            if not places:
                raise ProblemError(
                    problem(ErrorCode.NOT_SUPPORTED, "Tidak ada layar yang bisa digelapkan", "No screen can be blanked")
                )
            results = await asyncio.gather(
                *(self._engine.by_hand(device, name, on, by) for device, name in places), return_exceptions=True
            )
            failed = [
                (place, error) for place, error in zip(places, results, strict=True) if isinstance(error, BaseException)
            ]
            for _, error in failed:
                if not isinstance(error, DeviceError | ProblemError):
                    raise error
            words = (
                Text(id="menggelapkan semua layar", en="blanked all screens")
                if on
                else Text(id="menampilkan semua layar", en="showed all screens")
            )
            self.store.did(by, words)
            if failed:
                names = ", ".join(dict.fromkeys(self._room.devices[device].name.id for (device, _), _ in failed))
                detail = "; ".join(f"{device}.{name}: {error}" for (device, name), error in failed)
                raise ProblemError(
                    problem(
                        ErrorCode.NOT_REACHED,
                        f"Tidak semua layar ikut: {names}",
                        f"Not every screen followed: {names}",
                        detail=detail,
                    )
                )
            return Accepted(id=press)

        return await self._once_async((by, press), every)

    def dismiss_unfinished(self, *, by: str, press: str) -> Accepted:
        """Do not offer the unfinished run again."""

        def dismiss() -> Accepted:
            unfinished = self.store.state.unfinished
            if unfinished is not None:
                self._dismissed(unfinished.run)
                self.store.put(("unfinished",), None)
                self.store.did(by, Text(id="mengabaikan mode yang belum selesai", en="dismissed the unfinished scene"))
            return Accepted(id=press)

        return self._once((by, press), dismiss)

    def safety(self, name: str) -> bool:
        """True for what must never wait behind other presses: mute and blank."""
        return name.partition(".")[0] in _SAFETY

    async def once(self, do: Callable[[], Awaitable[Accepted]], *, by: str, press: str) -> Accepted:
        """A press that somebody else of this room carries out; sent again it joins the first."""
        return await self._once_async((by, press), do)

    def _started(self, scene: str, override: Override | None, by: str, press: str) -> Accepted:
        found = self._scene(scene)
        recall, attached = self._engine.start(found, by, override=override)
        if not attached:
            text = Text(id=f"menjalankan {found.name.id}", en=f"ran {found.name.en or found.name.id}")
            if override is not None:
                rules = ", ".join(override.rules)
                text = Text(
                    id=f"{text.id}, mengesampingkan aturan {rules}: {override.reason}",
                    en=f"{text.en}, overriding {rules}: {override.reason}",
                )
            self.store.did(by, text, run=recall.run.id)
            self.store.put(("unfinished",), None)
        return Accepted(id=press, run=recall.run.id, attached=attached)

    def _undoing(self, begun: tuple[Recall, bool], by: str, press: str) -> Accepted:
        recall, attached = begun
        if not attached:
            text = Text(id="mengembalikan keadaan sebelumnya", en="took the last change back")
            self.store.did(by, text, run=recall.run.id)
        return Accepted(id=press, run=recall.run.id, attached=attached)

    def _blanks(self, device: str, name: str) -> bool:
        """One place per screen: the matrix output, or the screen itself where no matrix feeds it."""
        if name.partition(".")[0] != "blank":
            return False
        outputs = self._room.outputs.values()
        fed = {output.screen for output in outputs if self._can_blank(output.device, f"blank.{output.output}")}
        used = {(output.device, f"blank.{output.output}") for output in outputs}
        return (device, name) in used or (
            name == "blank"
            and device not in fed
            and self._room.devices[device].kind in ("projector", "display", "wall")
        )

    def _can_blank(self, device: str, name: str) -> bool:
        return name in self._room.devices[device].driver.properties()

    def _did(self, by: str, device: str, name: str, value: SdkValue, ms: int) -> None:
        found = self._room.devices.get(device)
        if found is None:
            return
        label = property_label(found, name, self._room)
        words = value_label(name, found.driver.spec(name), wire_value(value), self._room.sources_of(device), found)
        text = Text(id=f"{label.id}: {words.id}", en=f"{label.en or label.id}: {words.en or words.id}")
        self.store.did(by, text, device=device, property=name, value=wire_value(value), ms=ms)

    def _scene(self, scene: str) -> Scene:
        found = self._engine.scenes.get(scene)
        if found is None:
            known = ", ".join(self._engine.scenes)
            raise ProblemError(
                problem(
                    ErrorCode.NOT_FOUND, f"Mode '{scene}' tidak ada", f"No scene '{scene}'", detail=f"scenes: {known}"
                )
            )
        return found

    def _device(self, device: str) -> Device:
        found = self._room.devices.get(device)
        if found is None:
            raise ProblemError(
                problem(
                    ErrorCode.NOT_FOUND,
                    f"Alat '{device}' tidak ada",
                    f"No device '{device}'",
                    detail=f"devices: {', '.join(self._room.devices)}",
                )
            )
        return found

    def _once(self, press: _PressKey, do: Callable[[], Accepted]) -> Accepted:
        """A press that ends at once; the same id again gets the same answer."""
        known = self._presses.get(press)
        if known is not None and known.done():
            return known.result()
        answer: asyncio.Future[Accepted] = asyncio.get_running_loop().create_future()
        self._remember(press, answer)
        try:
            answer.set_result(do())
        except ProblemError as error:
            answer.set_exception(error)
        return answer.result()

    async def _once_async(self, press: _PressKey, do: Callable[[], Awaitable[Accepted]]) -> Accepted:
        """A press that ends with the hardware; the same id again joins it."""
        known = self._presses.get(press)
        if known is not None:
            return await asyncio.shield(known)
        answer: asyncio.Future[Accepted] = asyncio.get_running_loop().create_future()
        self._remember(press, answer)
        try:
            accepted = await do()
        except ProblemError as error:
            answer.set_exception(error)
            answer.exception()  # seen: nobody else may be waiting
            raise
        except BaseException:
            answer.cancel()
            self._presses.pop(press, None)
            raise
        answer.set_result(accepted)
        return accepted

    def _remember(self, press: _PressKey, answer: asyncio.Future[Accepted]) -> None:
        self._presses[press] = answer
        while len(self._presses) > PRESS_MEMORY:
            self._presses.popitem(last=False)


def _retried(scene: Scene, parts: Collection[PropertyKey], *, one: bool) -> Text:
    if not one:
        return Text(id=f"mengulangi {scene.name.id}", en=f"retried {scene.name.en or scene.name.id}")
    label = next(goal.label for goal in scene.goals if goal.key in parts)
    return Text(id=f"memulihkan {label.id}", en=f"put back {label.en or label.id}")


@contextmanager
def _device_errors(device: str, name: str | None) -> Iterator[None]:
    """A device's error as words for the person who asked."""
    try:
        yield
    except Unverified as error:
        raise ProblemError(
            problem(
                ErrorCode.UNVERIFIED,
                "Terkirim, belum terverifikasi",
                "Sent, not verified",
                detail=str(error),
                device=device,
                name=name,
            )
        ) from error
    except NotReached as error:
        raise ProblemError(
            problem(
                ErrorCode.NOT_REACHED,
                "Alat menerima perintah tetapi tidak berubah",
                "The device accepted the command but did not change",
                detail=str(error),
                device=device,
                name=name,
            )
        ) from error
    except BadSetting as error:
        raise ProblemError(
            problem(
                ErrorCode.INVALID,
                "Nilai tidak bisa dipakai",
                "The value cannot be used",
                detail=str(error),
                device=device,
                name=name,
            )
        ) from error
    except DeviceError as error:
        raise ProblemError(device_problem(error, device, name)) from error
