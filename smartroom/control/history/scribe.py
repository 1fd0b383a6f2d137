"""Writes down what happens in a room: what its patches tell, what went over its wires, and its runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import cast

from devices.sdk.commands import Query
from devices.sdk.connection import Traffic
from smartroom.control import clock
from smartroom.control.devices.trace import readable
from smartroom.control.history.eventlog import EventLog
from smartroom.control.room.model import Room
from smartroom.control.room.words import property_label, value_label
from smartroom.protocol.base import Label, Text, Value
from smartroom.protocol.state import Cause, Run


class Scribe:
    """`room` gives the room as its files describe it now."""

    def __init__(self, log: EventLog, room: Callable[[], Room]) -> None:
        self._log = log
        self._room = room
        self._values: dict[tuple[str, str], Value] = {key: then.value for key, then in log.last.items()}

    def watch(self, changes: Sequence[tuple[tuple[str, ...], object]]) -> None:
        """The room's state changed."""
        for path, value in changes:
            match path:
                case ("devices", device, "properties", name):
                    self._changed(device, name, cast("Mapping[str, object]", value))
                case ("devices", device, "link"):
                    why = next((told for other, told in changes if other == ("devices", device, "problem")), None)
                    self._link(device, str(value), why)
                case ("last_action",) if isinstance(value, dict):
                    self._log.write("deed", {key: part for key, part in value.items() if key != "at"})
                case ("devices",):
                    text = Text(id="Berkas ruang dibaca ulang", en="The room's files were read again")
                    self._log.write("files", {"text": _plain(text)})
                case ("problem",) if isinstance(value, dict):
                    self._log.write("files", {"text": value["text"]})

    def begun(self, run: Run, name: Text) -> None:
        """A run has begun; the first byte follows."""
        goals = {key: member.goal for key, member in run.members.items()}
        self._log.write(
            "begun", {"run": run.id, "scene": run.scene, "name": _plain(name), "by": run.by, "goals": goals}
        )

    def ended(self, run: Run) -> None:
        """A run has ended."""
        self._log.write("ended", lambda: {"run": run.model_dump(mode="json")})

    def sent(self, device: str, traffic: Traffic, masked: Callable[[bytes], bytes], by: Label, run: str) -> None:
        """A command of a run or a hand went over a wire; routine questions are not worth a record."""
        if traffic.command is None or isinstance(traffic.command, Query):
            return
        at = round(clock.wall() - (clock.monotonic() - traffic.at), 3)
        payload = masked(traffic.payload)
        known = {"at": at, "device": device, "by": by, "run": run}
        self._log.write("sent", lambda: known | {"text": readable(payload), "hex": payload.hex(" ")})

    def _changed(self, device: str, name: str, state: Mapping[str, object]) -> None:
        value = cast("Value", state["value"])
        key = (device, name)
        if key in self._values and self._values[key] == value:
            return
        self._values[key] = value
        body = {"device": device, "property": name, "value": value, "at": state["at"], "moved": state["moved"]}
        moved = cast("Mapping[str, object] | None", state["moved"])
        if moved is not None and moved["cause"] not in (Cause.SCENE, Cause.HAND):
            text = self._said(device, name, value)
            body |= {"text": _plain(text)} if text is not None else {}
        self._log.write("changed", body)

    def _said(self, device: str, name: str, value: Value) -> Text | None:
        """`TV kiri: Laptop podium`; none for what no hand can set (a temperature)."""
        room = self._room()
        found = room.devices.get(device)
        if found is None or not found.driver.spec(name).settable:
            return None
        label = property_label(found, name, room)
        words = value_label(name, found.driver.spec(name), value, room.sources_of(device), found)
        return Text(id=f"{label.id}: {words.id}", en=f"{label.en or label.id}: {words.en or words.id}")

    def _link(self, device: str, link: str, problem: object) -> None:
        found = self._room().devices.get(device)
        name = found.name if found is not None else Text.of(device)
        why = problem["text"] if isinstance(problem, dict) else None
        self._log.write("link", {"device": device, "link": link, "name": _plain(name), "why": why})


def _plain(text: Text) -> dict[str, object]:
    return text.model_dump(mode="json")
