"""Plans of one room: made from fresh readings, remembered for the page that was shown them, and carried out only while they still hold."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from smartroom.control import clock
from smartroom.control.devices.gateway import Gateway
from smartroom.control.errors import ProblemError
from smartroom.control.limits import PLAN_MEMORY
from smartroom.control.room.model import Room
from smartroom.control.room.store import Store
from smartroom.control.room.words import mover_label, value_label
from smartroom.control.scenes.agreement import Change, Departure, departures, moved_on, must_be_ours, unknown_plan
from smartroom.control.scenes.engine import Engine
from smartroom.control.scenes.model import Scene
from smartroom.control.scenes.planner import needed
from smartroom.control.scenes.stages import plan_of
from smartroom.protocol.base import Label, Text
from smartroom.protocol.base import Value as WireValue
from smartroom.protocol.scenes import Plan, Risk


class Plans:
    """`room` gives the room as its files describe it now."""

    def __init__(self, room: Callable[[], Room], store: Store, gateway: Gateway, engine: Engine) -> None:
        self._room = room
        self._store = store
        self._gateway = gateway
        self._engine = engine
        self._shown: OrderedDict[str, Plan] = OrderedDict()

    async def make(self, scene: Scene, by: Label) -> Plan:
        """What a scene would do. Nothing is sent but questions."""
        facts = await self._gateway.facts(needed(scene.touched))
        shapes = {goal.device: self._gateway.endpoint(goal.device).driver for goal in scene.touched}
        plan = plan_of(
            self._room().id,
            scene,
            shapes,
            facts,
            base=self._store.version,
            now=clock.monotonic(),
            made=round(clock.wall(), 3),
            by=by,
        )
        plan = self._judged(plan, scene)
        self._shown[plan.digest] = plan
        while len(self._shown) > PLAN_MEMORY:
            self._shown.popitem(last=False)
        return plan

    async def check(self, given: Plan | str, scene: Scene) -> None:
        """ProblemError unless carrying the scene out now would do exactly what the plan (or the one shown under this digest) says."""
        plan = self._shown.get(given) if isinstance(given, str) else given
        if plan is None:
            raise unknown_plan()
        must_be_ours(plan, self._room().id, scene.id, clock.wall())
        fresh = await self.make(scene, plan.by)
        found = departures(plan, fresh, self._tolerance)
        if found:
            raise ProblemError(moved_on(found, self._told))

    def _judged(self, plan: Plan, scene: Scene) -> Plan:
        """With the rules it would break, and what the room's file says of memories that wear."""
        stored = self._room().rules.eeprom
        judge = self._engine.judge
        found = judge.scene(scene) if judge is not None else []
        if not stored and not found:
            return plan
        steps = [
            step.model_copy(update={"risks": [*step.risks, Risk.EEPROM]})
            if (step.device, step.property) in stored and Risk.EEPROM not in step.risks
            else step
            for step in plan.steps
        ]
        return plan.model_copy(update={"steps": steps, "violations": found}).seal()

    def _tolerance(self, device: str, name: str) -> float:
        return self._gateway.endpoint(device).driver.spec(name).tolerance

    def _told(self, departure: Departure) -> Text:
        """`Layar utama kini Kamera depan, semula Laptop (di alat sendiri, 10.42.07)`."""
        label, label_en = departure.label.id, departure.label.en or departure.label.id
        match departure.change:
            case Change.SCENE:
                return Text(
                    id=f"berkas adegan mengatur {label} lain", en=f"the scene's file sets {label_en} differently"
                )
            case Change.BYTES:
                return Text(id=f"perintah untuk {label} berubah", en=f"other bytes would be sent for {label_en}")
            case Change.LINK if departure.reachable:
                return Text(id=f"{label} kini terhubung", en=f"{label_en} is connected now")
            case Change.LINK:
                return Text(id=f"{label} kini terputus", en=f"{label_en} is cut off now")
            case Change.MOVED:
                was, now = self._said(departure, departure.was), self._said(departure, departure.now)
                who = self._who(departure)
                return Text(
                    id=f"{label} kini {now.id}, semula {was.id}{who.id}",
                    en=f"{label_en} is {now.en or now.id} now, was {was.en or was.id}{who.en}",
                )

    def _said(self, departure: Departure, value: WireValue) -> Text:
        room = self._room()
        device = room.devices.get(departure.device)
        if device is None or value is None:
            return Text(id="belum terbaca", en="unknown")
        spec = device.driver.spec(departure.property)
        return value_label(departure.property, spec, value, room.sources_of(device.id), device)

    def _who(self, departure: Departure) -> Text:
        device = self._store.state.devices.get(departure.device)
        state = device.properties.get(departure.property) if device is not None else None
        if state is None or state.moved is None:
            return Text(id="", en="")
        words = mover_label(state.moved, self._room().timezone)
        return Text(id=f" ({words.id})", en=f" ({words.en})")
