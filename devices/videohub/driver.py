"""Blackmagic Videohub: routes, pushed changes, and locks that are told by name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from devices.sdk import (
    BadSetting,
    Command,
    Done,
    Driver,
    Event,
    Failed,
    Frame,
    Framer,
    Frames,
    Manifest,
    Query,
    ReadingSource,
    Refused,
    Reported,
    Salvo,
    Set,
    Settings,
    TerminatorFramer,
    Value,
)
from devices.videohub import protocol as hub

_LOCKS: Mapping[str, str] = {"U": "unlocked", "F": "unlocked", "O": "ours", "L": "locked"}
_TITLES: Mapping[str, str] = {
    "route": hub.ROUTING,
    "lock": hub.LOCKS,
    "label": hub.OUTPUT_LABELS,
    "input_label": hub.INPUT_LABELS,
    "model": hub.DEVICE,
}


class Videohub(Driver):
    """A Videohub. It sends its whole state when we connect and every change at once; the poll is for the unexpected."""

    def __init__(self, manifest: Manifest, settings: Settings) -> None:
        super().__init__(manifest, settings)
        self.reset()

    def framer(self) -> Framer:
        """Blocks end with an empty line."""
        return TerminatorFramer(b"\n\n", b"\r\n\r\n", limit=hub.LONGEST_BLOCK, strip_nul=True)

    def reset(self) -> None:
        """Forget locks, labels and the half of an answer."""
        self._locks: dict[int, str] = {}
        self._labels: dict[int, str] = {}
        self._acknowledged = False
        self._answered: list[Event] = []

    def stamp(self, frame: Frame) -> bytes:
        """A new request: its verdict and its block are still to come."""
        self._acknowledged = False
        self._answered = []
        return frame.payload

    def repeat(self, frame: Frame, payload: bytes) -> bytes:
        """The same, once more."""
        del payload
        return self.stamp(frame)

    def interpret(self, message: bytes, pending: Command | None) -> Iterable[Event]:
        """Events of one message."""
        events: list[Event] = []
        for block in hub.parse(message):
            events += (
                self._verdict(pending, ok=block.ok) if isinstance(block, hub.Verdict) else self._told(block, pending)
            )
        return events

    def keepalive(self) -> Query:
        """The model. PING has only an ACK for an answer, which may be a late one of something else."""
        return Query("model")

    def snapshot(self) -> tuple[Query, ...]:
        """One answer tells all routes, one all locks; labels came by themselves when we connected."""
        return (Query("model"), Query("route.1"), Query("lock.1"))

    # -- capabilities --

    def encode_routes(self, ties: Mapping[int, int]) -> Frames:
        """All ties in one request."""
        for source in ties.values():
            if source > self.settings.integer("inputs"):
                raise BadSetting(
                    f"input {source} does not exist; this hub has {self.settings.integer('inputs')}", key="route"
                )
        return (Frame(hub.route(ties)),)

    def query_route(self, output: int) -> Frames:
        """All routes."""
        del output
        return (Frame(hub.ask(hub.ROUTING)),)

    def query_status(self, name: str) -> Frames:
        """Everything of the kind that `name` is of."""
        return (Frame(hub.ask(_TITLES[name.partition(".")[0]])),)

    # -- blocks to events --

    def _verdict(self, pending: Command | None, *, ok: bool) -> list[Event]:
        """ACK ends a command; a question is answered when its block is there too, whichever comes first."""
        if pending is None:
            return []
        locked = self._locked(pending)
        if not ok or locked:
            return [Failed(self._refusal(locked))]
        if not isinstance(pending, Query):
            return [Done()]
        self._acknowledged = True
        answered, self._answered = self._answered, []
        return answered

    def _told(self, block: hub.Block, pending: Command | None) -> list[Event]:
        readings = [Reported(name, value) for name, value in self._values(block).items()]
        asked = pending.property if isinstance(pending, Query) else None
        answer = next((reading for reading in readings if reading.property == asked), None)
        if answer is None or self._acknowledged:
            return list(readings)
        self._answered = [answer]  # it ends the question when the ACK comes; as news it is known at once
        return [Reported(reading.property, reading.value, ReadingSource.UNSOLICITED) for reading in readings]

    def _values(self, block: hub.Block) -> dict[str, Value]:
        inputs, outputs = self.settings.integer("inputs"), self.settings.integer("outputs")
        match block:
            case hub.Routed(ties):
                return {
                    f"route.{output}": source
                    for output, source in ties.items()
                    if output <= outputs and source <= inputs
                }
            case hub.Locked(locks):
                self._locks |= locks
                return {f"lock.{output}": _LOCKS[lock] for output, lock in locks.items() if output <= outputs}
            case hub.Labelled(True, labels):
                return {f"input_label.{number}": label for number, label in labels.items() if number <= inputs}
            case hub.Labelled(False, labels):
                self._labels |= labels
                return {f"label.{number}": label for number, label in labels.items() if number <= outputs}
            case hub.Device(present, model):
                return {"model": {"true": model, "needs_update": "needs update"}.get(present, "no device")}
        return {}

    def _locked(self, pending: Command) -> list[int]:
        """Outputs of the command that another client has locked: the hub says ACK and leaves them alone."""
        sets = pending.sets if isinstance(pending, Salvo) else (pending,)
        outputs = [int(item.property.rpartition(".")[2]) for item in sets if isinstance(item, Set)]
        return [output for output in outputs if self._locks.get(output) == "L"]

    def _refusal(self, locked: list[int]) -> Refused:
        if not locked:
            return Refused(
                "the hub did not understand the request: is the hub as big as the settings say?", device_code="NAK"
            )
        names = ", ".join(
            f"{output}" + (f" ({self._labels[output]})" if self._labels.get(output) else "") for output in locked
        )
        return Refused(f"output {names} is locked by another controller", device_code="L")
