"""Figures in Prometheus's text form, and the probe that feels how late the loop is."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from smartroom.control.web.ports import House

_PROBE_S = 0.25
_LAG_MEMORY = 0.9
"""The lag shown is the worst of late, fading by a tenth a probe."""


@dataclass(slots=True)
class Meters:
    """Counters of this process. `probe()` runs as long as the server."""

    started: float = field(default_factory=time.time)
    lag_s: float = 0.0
    answers: Counter[int] = field(default_factory=Counter)
    events: Counter[tuple[str, str]] = field(default_factory=Counter)
    cuts: Counter[str] = field(default_factory=Counter)
    gauges: dict[str, Callable[[], float]] = field(default_factory=dict)

    def answered(self, status: int) -> None:
        """An HTTP answer was given."""
        self.answers[status] += 1

    def event(self, name: str, outcome: str) -> None:
        """A socket's event was answered."""
        self.events[name, outcome] += 1

    def cut(self, reason: str) -> None:
        """A socket was cut."""
        self.cuts[reason] += 1

    async def probe(self) -> None:
        """Feel the loop's lag, until cancelled."""
        while True:
            before = time.monotonic()
            await asyncio.sleep(_PROBE_S)
            late = max(0.0, time.monotonic() - before - _PROBE_S)
            self.lag_s = max(late, self.lag_s * _LAG_MEMORY)


def text(meters: Meters, house: House) -> str:
    """Everything, in exposition format 0.0.4."""
    lines: list[str] = []
    add = _Writer(lines)
    add("uptime_seconds", "gauge", "Since the server started.", {"": time.time() - meters.started})
    add("loop_lag_seconds", "gauge", "How late the event loop was, lately.", {"": meters.lag_s})
    add(
        "http_answers_total",
        "counter",
        "HTTP answers by status.",
        {_labels(status=str(status)): count for status, count in sorted(meters.answers.items())},
    )
    add(
        "socket_events_total",
        "counter",
        "Events of pages by outcome.",
        {_labels(event=name, outcome=outcome): count for (name, outcome), count in sorted(meters.events.items())},
    )
    add(
        "socket_cuts_total",
        "counter",
        "Sockets cut by reason.",
        {_labels(reason=reason): count for reason, count in sorted(meters.cuts.items())},
    )
    add("audit_waiting", "gauge", "Rows of the audit trail not yet on disk.", {"": house.trail.waiting})
    add("audit_dropped_total", "counter", "Rows of the audit trail lost to a full queue.", {"": house.trail.dropped})
    add("sessions", "gauge", "People signed in.", {"": sum(1 for _ in house.people.sessions)})
    states = {room: desk.store.state for room, desk in house.desks.items()}
    links: Counter[str] = Counter()
    for room, state in states.items():
        links.update(_labels(room=room, link=str(device.link)) for device in state.devices.values())
    add("device_links", "gauge", "Devices by state of their connection.", links)
    add(
        "room_version",
        "gauge",
        "Version of a room's state.",
        {_labels(room=room): state.version for room, state in states.items()},
    )
    running = {
        _labels(room=room): sum(1 for scene in state.scenes.values() if scene.run and scene.run.result is None)
        for room, state in states.items()
    }
    add("runs_under_way", "gauge", "Scenes being recalled.", running)
    for name, read in sorted(meters.gauges.items()):
        add(name, "gauge", "", {"": read()})
    for name, value in sorted(house.gauges().items()):
        add(name, "gauge", "", {"": value})
    return "\n".join(lines) + "\n"


@dataclass(frozen=True, slots=True)
class _Writer:
    lines: list[str]

    def __call__(self, name: str, kind: str, words: str, values: Mapping[str, float]) -> None:
        full = f"smartroom_{name}"
        if words:
            self.lines.append(f"# HELP {full} {words}")
        self.lines.append(f"# TYPE {full} {kind}")
        self.lines.extend(f"{full}{labels} {round(value, 6)}" for labels, value in values.items())


def _labels(**labels: str) -> str:
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items()) + "}"


def _escaped(value: str) -> str:
    return "".join(_ESCAPES.get(letter, letter) for letter in value)


_ESCAPES: Mapping[str, str] = {"\\": "\\\\", '"': '\\"', "\n": "\\n"}
