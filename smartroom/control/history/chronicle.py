"""Records of a room's log become entries for people and the state of the room at a moment. Pure; one page of the log at a time.

Kinds of records: `page` (first of each file: what the room was) and `events`: what happened together, each `[kind, seconds (Unix), body]`.
Kinds of events: `started`, `stopped`, `changed` (a property), `link` (a device), `deed` (a person), `begun` and `ended` (a run), `sent` (bytes on a
wire), `files` (read anew, or bad).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, cast

from smartroom.control.chain import Record
from smartroom.protocol.base import Text, Value
from smartroom.protocol.history import EventKind, HistoryEntry, SentFrame
from smartroom.protocol.state import Cause, Link, Moved, Run

EVENTS: Final = "events"
Happened = tuple[str, float, Mapping[str, object]]
"""An event: its kind, when (seconds, Unix), and what."""

_OURS: Final = frozenset({Cause.SCENE, Cause.HAND})
_GONE: Final = frozenset({Link.OFFLINE, Link.REFUSED, Link.DEGRADED})
_FRAMES: Final = 500
"""Frames kept for one entry: a scene of a hundred properties, each sent three times."""
_GLIDE_S: Final = 20.0
"""Steps of one movement at a device (a fader, a head) are one entry."""


@dataclass(slots=True)
class Then:
    """A property as it was."""

    value: Value
    at: float
    moved: Moved | None = None


@dataclass(slots=True)
class Device:
    """A device as it was."""

    link: str = ""
    properties: dict[str, Then] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Begun:
    """A run that has begun."""

    run: str
    scene: str
    name: Text
    by: str
    goals: Mapping[str, Value]
    """`device.property` -> what it wanted."""


class Chronicle:
    """Fed record by record."""

    def __init__(self, page: str) -> None:
        self.page = page
        self.entries: list[HistoryEntry] = []
        """Oldest first."""
        self.devices: dict[str, Device] = {}
        self.under_way: dict[str, Begun] = {}
        """Runs that have begun and not ended."""
        self.running = False
        """Whether the server was running when the last record was written."""
        self.events = 0
        """How many this page holds."""
        self._texts: dict[str, Text] = {}
        self._frames: dict[str, list[SentFrame]] = {}
        self._kinds: Mapping[str, Callable[[float, Mapping[str, object]], None]] = {
            "started": self._started,
            "stopped": self._stopped,
            "changed": self._changed,
            "link": self._link,
            "deed": self._deed,
            "sent": self._sent,
            "begun": self._begun,
            "ended": self._ended,
            "files": self._files,
        }

    def add(self, record: Record, until: float = math.inf) -> None:
        """Take in one record, of its events those up to a moment; kinds of later versions are passed over."""
        if record.kind == "page" and record.at <= until:
            self._page(record.at, record.body)
        elif record.kind == EVENTS:
            for kind, at, body in record.body[EVENTS]:
                if at > until:
                    return
                self.events += 1
                told = self._kinds.get(kind)
                if told is not None:
                    told(at, body)

    @property
    def state(self) -> dict[str, object]:
        """What a new page begins with."""
        return {
            key: {
                "link": device.link,
                "properties": {
                    name: {
                        "value": then.value,
                        "at": then.at,
                        "moved": then.moved.model_dump(mode="json") if then.moved else None,
                    }
                    for name, then in device.properties.items()
                },
            }
            for key, device in self.devices.items()
        }

    # -- one function for each kind of record --

    def _page(self, at: float, body: Mapping[str, object]) -> None:
        self.running = True
        for key, told in cast("Mapping[str, Mapping[str, object]]", body["state"]).items():
            device = self.devices[key] = Device(str(told["link"]))
            for name, then in cast("Mapping[str, Mapping[str, object]]", told["properties"]).items():
                device.properties[name] = Then(
                    cast("Value", then["value"]), cast("float", then["at"]), _moved(then["moved"])
                )
        if body.get("damaged"):
            text = Text(
                id=f"Log sebelumnya rusak: {body['damaged']}", en=f"The log before is damaged: {body['damaged']}"
            )
            self._tell(at, EventKind.SYSTEM, text)

    def _started(self, at: float, body: Mapping[str, object]) -> None:
        for begun in self.under_way.values():
            run = Run(id=begun.run, scene=begun.scene, by=begun.by, started=at)
            text = Text(
                id=f"{begun.name.id} terpotong saat server berhenti",
                en=f"{begun.name.en or begun.name.id} was cut short when the server ended",
            )
            self._tell(at, EventKind.RUN, text, by=begun.by, run=run, sent=self._frames.pop(begun.run, []))
        self.under_way.clear()
        self.running = True
        for device in self.devices.values():
            device.link = ""
        self._tell(at, EventKind.SYSTEM, Text(id="Server dimulai", en="The server started"), value=body["version"])

    def _stopped(self, at: float, _: Mapping[str, object]) -> None:
        self.running = False
        self._tell(at, EventKind.SYSTEM, Text(id="Server dihentikan", en="The server was stopped"))

    def _changed(self, at: float, body: Mapping[str, object]) -> None:
        device, name, value = str(body["device"]), str(body["property"]), cast("Value", body["value"])
        moved = _moved(body["moved"])
        self.devices.setdefault(device, Device()).properties[name] = Then(value, cast("float", body["at"]), moved)
        if moved is None or moved.cause in _OURS or "text" not in body:
            return
        if value is None or moved.before is None:  # comes and goes with the power, which is told
            return
        text = _text(body["text"])
        last = self.entries[-1] if self.entries else None
        if (
            last is not None
            and last.kind is EventKind.CHANGE
            and (last.device, last.property, last.cause) == (device, name, moved.cause)
            and at - last.at < _GLIDE_S
        ):
            self.entries[-1] = last.model_copy(update={"text": text, "value": value})
            return
        parts = {"device": device, "property": name, "cause": moved.cause, "before": moved.before, "value": value}
        self._tell(at, EventKind.CHANGE, text, **parts)

    def _link(self, at: float, body: Mapping[str, object]) -> None:
        key, link = str(body["device"]), str(body["link"])
        device = self.devices.setdefault(key, Device())
        before, device.link = device.link, link
        if link in _GONE and before not in _GONE:
            name = _text(body["name"])
            why = _text(body["why"]) if body.get("why") else Text(id="terputus", en="cut off")
            text = Text(id=f"{name.id}: {why.id}", en=f"{name.en or name.id}: {why.en or why.id}")
            self._tell(at, EventKind.LINK, text, device=key)
        elif link == Link.READY and before in _GONE:
            name = _text(body["name"])
            text = Text(id=f"{name.id}: terhubung lagi", en=f"{name.en or name.id}: connected again")
            self._tell(at, EventKind.LINK, text, device=key)

    def _deed(self, at: float, body: Mapping[str, object]) -> None:
        text, run = _text(body["text"]), body.get("run")
        if run is not None:
            self._texts[str(run)] = text
            return
        device = str(body["device"]) if body.get("device") else None
        self._tell(
            at,
            EventKind.HAND,
            text,
            by=str(body["by"]),
            device=device,
            property=body.get("property"),
            value=body.get("value"),
            ms=body.get("ms"),
            sent=self._frames.pop(f"{body['by']}:{device}", []) if device else [],
        )

    def _sent(self, at: float, body: Mapping[str, object]) -> None:
        whose = str(body["run"]) if body.get("run") else f"{body['by']}:{body['device']}"
        frames = self._frames.setdefault(whose, [])
        if len(frames) < _FRAMES:
            frames.append(SentFrame.model_validate({key: body[key] for key in SentFrame.model_fields}))

    def _begun(self, _: float, body: Mapping[str, object]) -> None:
        goals = cast("Mapping[str, Value]", body["goals"])
        run = Begun(str(body["run"]), str(body["scene"]), _text(body["name"]), str(body["by"]), goals)
        self.under_way[run.run] = run

    def _ended(self, at: float, body: Mapping[str, object]) -> None:
        run = Run.model_validate(body["run"])
        begun = self.under_way.pop(run.id, None)
        text = self._texts.pop(run.id, None) or (begun.name if begun is not None else Text.of(run.scene))
        ms = round((run.ended - run.started) * 1000) if run.ended is not None else None
        self._tell(at, EventKind.RUN, text, by=run.by, run=run, ms=ms, sent=self._frames.pop(run.id, []))

    def _files(self, at: float, body: Mapping[str, object]) -> None:
        self._tell(at, EventKind.SYSTEM, _text(body["text"]))

    def _tell(self, at: float, kind: EventKind, text: Text, **parts: object) -> None:
        known = {"id": f"{self.page}.{self.events}", "at": at, "kind": kind, "text": text}
        self.entries.append(HistoryEntry.model_validate({**known, **parts}))


def _moved(told: object) -> Moved | None:
    return Moved.model_validate(told) if told is not None else None


def _text(told: object) -> Text:
    return Text.model_validate(told)
