"""Which rules of wear and safety a scene or a hand would break, found before the first byte. `Judge` asks; everything below it is pure.

The interlock is kept a second time, at the last gate before the wire (`Guard`): whatever path a command came, two contacts never close together.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Protocol, cast

from devices.sdk.commands import Priority, Set
from devices.sdk.errors import DeviceError
from devices.sdk.readings import Value, matches
from smartroom.control import clock
from smartroom.control.devices.gateway import Gateway, Interlocked
from smartroom.control.errors import ProblemError
from smartroom.control.limits import READ_DEADLINE_S, RELAY_SWITCHINGS
from smartroom.control.room.model import Device, PropertyKey, Room, Shape
from smartroom.control.room.rules import Rules
from smartroom.control.room.store import Store
from smartroom.control.room.words import property_label
from smartroom.control.scenes.claims import Movers
from smartroom.control.scenes.model import Goal, Scene
from smartroom.control.scenes.steps import IfStep, ParallelStep, RampStep, SceneStep, SetStep, Step
from smartroom.protocol.base import Text
from smartroom.protocol.errors import ErrorCode, Problem, Rule
from smartroom.protocol.scenes import Override, Violation

DEADMAN = "deadman_s"
"""The setting of a family that stops a drive nobody renews."""


class Known(Protocol):
    """What is known of the room at this moment."""

    def value(self, key: PropertyKey) -> Value | None:
        """What a property reads; none when that is not known."""
        ...

    def since(self, key: PropertyKey) -> float | None:
        """For how many seconds it has read that; none when nobody knows."""
        ...

    def switched(self, key: PropertyKey) -> int:
        """How often it changed within the last minute."""
        ...

    def shape(self, device: str) -> Shape:
        """What a device can do."""
        ...


@dataclass(frozen=True, slots=True)
class Stage:
    """Goals brought side by side. `ramp`: the value is reached little by little."""

    goals: tuple[Goal, ...]
    ramp: bool = False


def stages(scene: Scene) -> Iterator[Stage]:
    """A scene's goals in the order they are brought; of two ways both are looked at."""
    yield Stage(scene.begins)
    yield from _stages(scene.steps)


def violations(room: Room, found: Sequence[Stage], known: Known) -> list[Violation]:
    """Every rule that would be broken, stage by stage; what an earlier stage brings holds for the later ones."""
    judge = _Judge(room, known)
    return [violation for stage in found for violation in judge.look(stage)]


def refusal(left: Sequence[Violation]) -> ProblemError:
    """Why nothing is sent: the first rule in words, and all of them as detail."""
    first = left[0]
    more = len(left) - 1
    why = Problem(
        code=ErrorCode.RULE,
        text=Text(
            id=f"Ditolak aturan {first.rule}: {first.text.id}" + (f" ({more} lagi)" if more else ""),
            en=f"Refused by rule {first.rule}: {first.text.en}" + (f" (and {more} more)" if more else ""),
        ),
        detail="; ".join(f"{each.rule}: {each.device}.{each.property}" for each in left),
        device=first.device,
        property=first.property,
        fix=Text(id="Teknisi dapat mengesampingkannya dengan alasan", en="A technician may override it, with a reason")
        if all(each.may_be_overridden for each in left)
        else None,
    )
    return ProblemError(why)


@dataclass(slots=True)
class Present:
    """The living room, as its last readings have it."""

    store: Store
    gateway: Gateway
    movers: Movers

    def value(self, key: PropertyKey) -> Value | None:
        """Only what was reported on the present connection."""
        fact = self.gateway.fact(*key)
        return fact.value if fact.current else None

    def since(self, key: PropertyKey) -> float | None:
        """By who moved it last; the log remembers that over a restart."""
        device = self.store.document["devices"]
        state = cast("Mapping[str, Mapping[str, Mapping[str, Mapping[str, object]]]]", device)
        moved = state.get(key[0], {}).get("properties", {}).get(key[1], {}).get("moved")
        return clock.wall() - moved["at"] if isinstance(moved, dict) else None

    def switched(self, key: PropertyKey) -> int:
        """As counted from readings."""
        return self.movers.switched(key)

    def shape(self, device: str) -> Shape:
        """Its driver."""
        return self.gateway.endpoint(device).driver


@dataclass(slots=True)
class Judge:
    """Asked by whoever is about to move the room. `room` gives it as its files describe it now."""

    room: Callable[[], Room]
    known: Known

    def scene(self, scene: Scene, goals: Sequence[Goal] | None = None) -> list[Violation]:
        """What a scene, or only some of its goals, would break now."""
        found = list(stages(scene)) if goals is None else [Stage(tuple(goals))]
        broken = violations(self.room(), found, self.known)
        return [each for each in broken if each.rule is Rule.INTERLOCK] if scene.emergency else broken

    def allow(self, scene: Scene, goals: Sequence[Goal] | None, override: Override | None) -> list[Rule]:
        """ProblemError unless it breaks nothing, or only what is overridden; which rules were."""
        found = self.scene(scene, goals)
        aside = set(override.rules) if override is not None else set()
        left = [each for each in found if not (each.may_be_overridden and each.rule in aside)]
        if left:
            raise refusal(left)
        return list(dict.fromkeys(each.rule for each in found))

    def hand(self, device: str, name: str, value: Value) -> None:
        """ProblemError when a hand would break a rule."""
        spec = self.known.shape(device).spec(name)
        room = self.room()
        label = property_label(room.devices[device], name, room) if device in room.devices else Text.of(name)
        goal = Goal(device, name, value, spec.tolerance, label)
        found = violations(room, [Stage((goal,), ramp=True)], self.known)  # a hand on a fader is its own ramp
        if found:
            raise refusal(found)


@dataclass(slots=True)
class Guard:
    """The last gate: waits for the pause of an interlock, and refuses a contact while its partner is closed. One contact of an interlock passes at a time."""

    rules: Callable[[], Rules]
    gateway: Gateway
    movers: Movers
    _passing: defaultdict[tuple[PropertyKey, ...], asyncio.Lock] = field(
        default_factory=lambda: defaultdict(asyncio.Lock)
    )

    @asynccontextmanager
    async def __call__(self, device: str, sets: Sequence[Set], priority: Priority) -> AsyncIterator[None]:
        """Raise Interlocked, or hold the gate until the sets are proved."""
        rules = self.rules()
        closing = [(device, item.property) for item in sets if item.value is True]
        async with AsyncExitStack() as held:
            for contacts in rules.locked_with(closing):  # in one order, so that two never wait for each other
                await held.enter_async_context(self._passing[contacts])
            await self._ask(rules, closing, priority)
            yield

    async def _ask(self, rules: Rules, closing: Sequence[PropertyKey], priority: Priority) -> None:
        for key in closing:
            for partner, pause_s in rules.partners(key).items():
                if partner in closing or await self._closed(partner, priority):
                    raise Interlocked(
                        f"{Rule.INTERLOCK}: {key[0]}.{key[1]} must stay open while {partner[0]}.{partner[1]} is closed"
                    )
                opened = self.movers.changed_at(partner)
                if opened is not None:
                    await asyncio.sleep(max(0.0, opened + pause_s - clock.monotonic()))

    async def _closed(self, key: PropertyKey, priority: Priority) -> bool:
        """Asked afresh: a partner nobody can ask is taken for closed."""
        try:
            reading = await self.gateway.endpoint(key[0]).read(key[1], priority=priority, timeout=READ_DEADLINE_S)
        except DeviceError:
            return True
        return reading.value is not False


def stops_by_itself(device: Device) -> bool:
    """Whether its driver ends a continuous drive that nobody renews; devices of this process have no motors."""
    return device.wire is None or DEADMAN in device.wire.driver.manifest.settings


# -- one stage after the other --


@dataclass(slots=True)
class _Judge:
    room: Room
    known: Known
    _set: dict[PropertyKey, Value] = field(default_factory=dict)
    _switched: dict[PropertyKey, int] = field(default_factory=dict)

    def look(self, stage: Stage) -> Iterator[Violation]:
        """Rules this stage breaks; afterwards its goals hold."""
        changes = [goal for goal in stage.goals if not self._holds(goal)]
        for goal in changes:
            yield from self._lamp(goal)
            yield from self._sound(goal, ramp=stage.ramp)
            yield from self._rate(goal)
            yield from self._recording(goal)
        for goal in changes:
            self._set[goal.key] = goal.value
            self._switched[goal.key] = self._switched.get(goal.key, 0) + 1
        yield from self._interlocks(stage.goals)

    def _value(self, key: PropertyKey) -> Value | None:
        return self._set[key] if key in self._set else self.known.value(key)

    def _holds(self, goal: Goal) -> bool:
        return matches(self._value(goal.key), goal.value, goal.tolerance)

    def _lamp(self, goal: Goal) -> Iterator[Violation]:
        times = self.room.rules.lamps.get(goal.key)
        since = self.known.since(goal.key) if goal.key not in self._set else 0.0
        now = self._value(goal.key)
        if times is None or since is None or now not in ("on", "off"):
            return
        shortest = times.on_s if now == "on" else times.off_s
        if since >= shortest:
            return
        words = ("menyala", "on") if now == "on" else ("padam", "off")
        yield _broken(
            Rule.LAMP_MINIMUM,
            goal,
            f"lampu baru {words[0]} {_time(since)}, paling sedikit {_time(shortest)}",
            f"the lamp has been {words[1]} for {_time(since)}, at least {_time(shortest)}",
        )

    def _sound(self, goal: Goal, *, ramp: bool) -> Iterator[Violation]:
        limit = self.room.rules.sounds.get(goal.key)
        wanted, now = goal.value, self._value(goal.key)
        if limit is None or isinstance(wanted, bool) or not isinstance(wanted, int | float):
            return
        if wanted > limit.at_most:
            yield _broken(
                Rule.SOUND_LIMIT,
                goal,
                f"{wanted:g} % melebihi batas {limit.at_most:g} %",
                f"{wanted:g} % is above its limit of {limit.at_most:g} %",
            )
        elif not ramp and limit.step is not None and isinstance(now, int | float) and wanted - now > limit.step:
            yield _broken(
                Rule.SOUND_LIMIT,
                goal,
                f"naik {wanted - now:g} % sekaligus, paling banyak {limit.step:g} %: pakai ramp",
                f"{wanted - now:g} % louder at once, at most {limit.step:g} %: use a ramp",
            )

    def _rate(self, goal: Goal) -> Iterator[Violation]:
        spec = self.known.shape(goal.device).spec(goal.property)
        if spec.capability != "relay" or not spec.wears:
            return
        limit = self.room.rules.rates.get(goal.key, RELAY_SWITCHINGS)
        switched = self.known.switched(goal.key) + self._switched.get(goal.key, 0)
        if switched >= limit:
            yield _broken(
                Rule.RELAY_RATE,
                goal,
                f"sudah berganti {switched} kali dalam semenit, paling banyak {limit}",
                f"switched {switched} times within a minute, at most {limit}",
            )

    def _recording(self, goal: Goal) -> Iterator[Violation]:
        for item in self.room.rules.recordings:
            if goal.key in item.keep and all(matches(self._value(key), value) for key, value in item.when.items()):
                what = ", ".join(f"{key[0]}.{key[1]}" for key in item.when)
                yield _broken(
                    Rule.RECORDING,
                    goal,
                    f"sedang direkam atau disiarkan ({what})",
                    f"it is being recorded or sent out ({what})",
                )

    def _interlocks(self, goals: Sequence[Goal]) -> Iterator[Violation]:
        closing = {goal.key: goal for goal in goals if goal.value is True}
        for interlock in self.room.rules.interlocks:
            closed = [key for key in interlock.relays if self._value(key) is True]
            mine = [key for key in closed if key in closing]
            if len(closed) < 2 or not mine:  # two contacts
                continue
            goal = closing[mine[-1]]
            other = next(key for key in closed if key != goal.key)
            name = property_label(self.room.devices[other[0]], other[1], self.room)
            yield _broken(
                Rule.INTERLOCK,
                goal,
                f"tidak boleh menyala bersama {name.id}",
                f"must never be on together with {name.en or name.id}",
                may_be_overridden=False,
            )


def _stages(steps: Sequence[Step]) -> Iterator[Stage]:
    for step in steps:
        match step:
            case SetStep(goals=goals):
                yield Stage(tuple(goals))
            case RampStep(goal=goal):
                yield Stage((goal,), ramp=True)
            case SceneStep(steps=inner):
                yield from _stages(inner)
            case IfStep(then=then, otherwise=otherwise):
                yield from _stages(then)
                yield from _stages(otherwise)
            case ParallelStep(branches=branches):
                yield from _stages(branches)


def _broken(rule: Rule, goal: Goal, indonesian: str, english: str, *, may_be_overridden: bool = True) -> Violation:
    label = goal.label
    return Violation(
        rule=rule,
        device=goal.device,
        property=goal.property,
        label=label,
        text=Text(id=f"{label.id}: {indonesian}", en=f"{label.en or label.id}: {english}"),
        may_be_overridden=may_be_overridden,
    )


def _time(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"  # a minute and a half
