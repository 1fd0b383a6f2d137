"""A matrix whose dialect is a profile file: ties, and reading them back where the dialect can."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import cast

from devices.ascii_matrix import protocol
from devices.ascii_matrix.profile import Profile, chosen
from devices.ascii_matrix.shapes import Effect, Meaning
from devices.sdk import (
    Act,
    BadSetting,
    Busy,
    Command,
    DeviceError,
    Done,
    Driver,
    Event,
    Failed,
    Frame,
    Framer,
    Frames,
    Manifest,
    NotSupported,
    Query,
    Refused,
    Reported,
    Salvo,
    Set,
    Settings,
    Value,
)

MAX_PRESET = 99
"""No dialect writes more than two digits."""


class AsciiMatrix(Driver):
    """A matrix switcher that speaks the dialect of its profile."""

    def __init__(self, manifest: Manifest, settings: Settings) -> None:
        self.profile = chosen(settings)
        super().__init__(_suited(manifest, self.profile), settings)

    def framer(self) -> Framer:
        """Lines or frames, as the profile says."""
        return protocol.framer(self.profile)

    def interpret(self, message: bytes, pending: Command | None) -> Iterable[Event]:
        """Events of one line or frame."""
        if not self.profile.replies:  # a dialect that promises no answer: an echo proves only that something is there
            return [Done()]
        events: list[Event] = []
        for word in protocol.parse(self.profile, message):
            if isinstance(word, protocol.Shown):
                events += self._shown(word, pending)
            elif pending is not None:
                events += _answer(word, pending)
        return events

    def snapshot(self) -> tuple[Query, ...]:
        """One question for each output, or one for all where the dialect has only that."""
        if self.profile.asks is None:
            return ()
        last = self._outputs if Effect.ASK in self.profile.commands else 1
        return tuple(Query(f"route.{output}") for output in range(1, last + 1))

    def encode_routes(self, ties: Mapping[int, int]) -> Frames:
        """One command for each tie, or for each input where the dialect switches several outputs at once."""
        outputs_of: dict[int, list[int]] = {}
        for output, source in ties.items():
            outputs_of.setdefault(self._checked(source), []).append(output)
        frames: list[Frame] = []
        for source, outputs in outputs_of.items():
            frames += self._tie(source, tuple(outputs))
        return tuple(frames)

    def query_route(self, output: int) -> Frames:
        """Which input an output shows."""
        if Effect.ASK in self.profile.commands:
            return (self._frame(Effect.ASK, outputs=(output,)),)
        return (self._frame(Effect.ASK_ALL),)

    def encode_store_preset(self, number: int) -> Frames:
        """Save the present ties."""
        return (self._preset(Effect.STORE, number),)

    def encode_action(self, name: str, arguments: Mapping[str, Value]) -> Frames:
        """Recall ties the matrix keeps."""
        if name != "recall_preset":
            return super().encode_action(name, arguments)
        return (self._preset(Effect.RECALL, int(cast("float", arguments["number"]))),)

    # -- values to bytes --

    @property
    def _outputs(self) -> int:
        return self.settings.integer("outputs")

    def _frame(self, effect: Effect, *, source: int = 0, outputs: tuple[int, ...] = (), preset: int = 0) -> Frame:
        payload = protocol.say(self.profile, effect, source=source, outputs=outputs, preset=preset)
        return Frame(payload, answered=self.profile.commands[effect].reply is not None)

    def _tie(self, source: int, outputs: tuple[int, ...]) -> list[Frame]:
        if source and len(outputs) > 1:
            if Effect.ROUTE_ALL in self.profile.commands and len(outputs) == self._outputs:
                return [self._frame(Effect.ROUTE_ALL, source=source)]
            if Effect.ROUTE_MANY in self.profile.commands:
                return [self._frame(Effect.ROUTE_MANY, source=source, outputs=outputs)]
        effect = Effect.ROUTE if source else Effect.OFF
        return [self._frame(effect, source=source, outputs=(output,)) for output in outputs]

    def _checked(self, source: int) -> int:
        inputs = self.settings.integer("inputs")
        if source > inputs:
            raise BadSetting(f"input {source} does not exist; this matrix has {inputs}", key="route")
        if source == 0 and Effect.OFF not in self.profile.commands:
            raise BadSetting(f"{self.profile.title}: an output cannot be switched off, so 0 is no input", key="route")
        return source

    def _preset(self, effect: Effect, number: int) -> Frame:
        if effect not in self.profile.commands:
            raise NotSupported(f"{self.profile.title}: this matrix keeps no presets")
        if not 0 <= number <= MAX_PRESET:
            raise BadSetting(f"preset {number} does not exist", key="number")
        return self._frame(effect, preset=number)

    # -- bytes to events --

    def _shown(self, shown: protocol.Shown, pending: Command | None) -> list[Event]:
        """The echo of our own tie ends it and proves nothing; all else is a reading."""
        output = shown.output if shown.output is not None else _asked(pending)
        if output is None or not 1 <= output <= self._outputs or shown.source > self.settings.integer("inputs"):
            return []
        name = f"route.{output}"
        if isinstance(pending, Set | Salvo):
            sets = pending.sets if isinstance(pending, Salvo) else (pending,)
            if Set(name, shown.source) in sets:
                return [Done()]
        if isinstance(pending, Act):
            return [Reported(name, shown.source), Done()]
        return [Reported(name, shown.source)]


def _suited(manifest: Manifest, profile: Profile) -> Manifest:
    """The manifest as this dialect allows: read-back, salvos, and the pace that driver.yaml leaves open."""
    said = manifest.timing.model_fields_set
    pace = {key: value for key, value in profile.pace.model_dump().items() if key not in said}
    route = manifest.properties["route.*"].model_copy(
        update={"readable": profile.asks is not None, "salvo": Effect.ROUTE_MANY in profile.commands}
    )
    return manifest.model_copy(
        update={
            "timing": manifest.timing.model_copy(update=pace),
            "properties": {**manifest.properties, "route.*": route},
        }
    )


def _asked(pending: Command | None) -> int | None:
    if not isinstance(pending, Query | Set):
        return None
    number = pending.property.rpartition(".")[2]
    return int(number) if number.isdigit() else None


def _answer(word: protocol.Word, pending: Command) -> list[Event]:
    if word.means is Meaning.DONE:
        return [] if isinstance(pending, Query) else [Done()]
    errors: Mapping[Meaning, DeviceError] = {
        Meaning.REFUSED: Refused("the matrix refused the command", device_code=word.text),
        Meaning.BUSY: Busy(f"the matrix is busy: {word.text}"),
        Meaning.UNSUPPORTED: NotSupported("the matrix does not know the command", device_code=word.text),
    }
    return [Failed(errors[word.means])] if word.means in errors else []
