"""Records the room as a scene: reads it, proposes, and after a review writes one new file. No other file is touched."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from devices.sdk.document import DocumentError
from devices.sdk.errors import DeviceError
from devices.sdk.readings import Value
from smartroom.control import clock
from smartroom.control.devices.gateway import Gateway
from smartroom.control.errors import ProblemError, problem
from smartroom.control.room.files import ROOM_FILE
from smartroom.control.room.model import PropertyKey, Room
from smartroom.control.room.words import clock_label, day_label
from smartroom.control.scenes.files import load_scene
from smartroom.control.scenes.model import UNDO, Scene
from smartroom.control.scenes.recording import Present, best_base, contradiction, propose, recordable, text_of
from smartroom.protocol.base import Text
from smartroom.protocol.errors import ErrorCode
from smartroom.protocol.scenes import RecordedLine, Recording

_SCHEMA = "../schema/scene.schema.json"
_NAME_MAX = 60
"""A tile has two lines."""
BEST = "*"
"""Asked for as base: whichever leaves the shortest file."""


class Recorder:
    """`room` and `scenes` give what the files say now; `folder` is the room's, none in a rehearsal, which writes nothing."""

    def __init__(
        self, folder: Path | None, room: Callable[[], Room], scenes: Callable[[], Mapping[str, Scene]], gateway: Gateway
    ) -> None:
        self._folder = folder
        self._room = room
        self._scenes = scenes
        self._gateway = gateway

    async def propose(self, extends: str | None) -> Recording:
        """What a new scene would hold. Nothing is sent but questions, nothing is written."""
        room = self._room()
        facts = await self._gateway.facts(recordable(room))
        present = Present(room, self._scenes(), facts)
        base = best_base(present) if extends == BEST else extends
        self._must_be_known(base)
        found = propose(present, base)
        clash = self._clash(present, base, {(line.device, line.property): line.value for line in found.lines})
        return found if clash is None else found.model_copy(update={"problem": clash.problem})

    def write(
        self, scene: str, name: Text, icon: str, extends: str | None, lines: Sequence[RecordedLine], by: str
    ) -> None:
        """Write the reviewed lines as a scene's file. ProblemError when the name is taken, or the file would not be valid."""
        if self._folder is None:
            raise ProblemError(
                problem(ErrorCode.NOT_SUPPORTED, "Dalam gladi tidak ada yang disimpan", "A rehearsal keeps nothing")
            )
        room = self._room()
        path = self._folder / f"{scene}.yaml"
        if scene == UNDO or path.name == ROOM_FILE or path.exists():
            raise _taken(scene)
        if not 0 < len(name.id.strip()) <= _NAME_MAX or len(name.en) > _NAME_MAX:
            words = "Mode ini perlu nama, paling panjang 60 huruf", "The scene needs a name of at most 60 letters"
            raise ProblemError(problem(ErrorCode.INVALID, *words, name="name"))
        self._must_be_known(extends)
        values = {(line.device, line.property): self._checked(room, line) for line in lines}
        present = Present(room, self._scenes(), {})
        clash = self._clash(present, extends, values)
        if clash is not None:
            raise clash
        at = clock.wall()
        head = f"# yaml-language-server: $schema={_SCHEMA}\n" if (self._folder / _SCHEMA).exists() else ""
        head += f"# Recorded from the room on {day_label(at, room.timezone).en}, {clock_label(at, room.timezone).en} {room.timezone}, by {_plain(by)}.\n"
        self._put(path, text_of(room, name, icon, extends, values.items(), head), room)

    def _must_be_known(self, base: str | None) -> None:
        scenes = self._scenes()
        if base is not None and base not in scenes:
            known = ", ".join(scenes)
            raise ProblemError(
                problem(
                    ErrorCode.NOT_FOUND, f"Mode '{base}' tidak ada", f"No scene '{base}'", detail=f"scenes: {known}"
                )
            )

    def _checked(self, room: Room, line: RecordedLine) -> Value:
        try:
            return _settable(room, line)
        except DeviceError as error:
            raise ProblemError(
                problem(
                    ErrorCode.INVALID,
                    "Baris ini tidak dapat direkam",
                    "This line cannot be recorded",
                    detail=str(error),
                    device=line.device,
                    name=line.property,
                )
            ) from None

    def _clash(self, present: Present, base: str | None, lines: Mapping[PropertyKey, object]) -> ProblemError | None:
        """The base wants something that cannot stand beside a line."""
        if base is None:
            return None
        scene = present.scenes[base]
        values = {key: tuple(value) if isinstance(value, list) else value for key, value in lines.items()}
        found = contradiction(present, {goal.key: goal.value for goal in scene.goals}, values)  # type: ignore[arg-type]
        if found is None:
            return None
        wants, lacks = present.label(found[0]), present.label(found[1])
        return ProblemError(
            problem(
                ErrorCode.CONFIGURATION,
                f"{scene.name.id} mengatur {wants.id}, tetapi {lacks.id} direkam lain",
                f"{scene.name.en or scene.name.id} sets {wants.en or wants.id}, but {lacks.en or lacks.id} is recorded differently",
                detail=f"{found[0][0]}.{found[0][1]} needs {found[1][0]}.{found[1][1]}",
                fix=Text(id="Rekam tanpa meneruskan mode lain", en="Record without extending another scene"),
            )
        )

    def _put(self, path: Path, text: str, room: Room) -> None:
        """The file appears whole and valid, or not at all."""
        fresh = path.with_name(f".{path.stem}.new")
        try:
            fresh.write_text(text)
            load_scene(fresh, room)
            os.link(fresh, path)
        except DocumentError as error:
            raise ProblemError(
                problem(
                    ErrorCode.CONFIGURATION,
                    "Rekaman ini bukan mode yang sah",
                    "What was recorded is no valid scene",
                    detail=str(error).replace(error.file, path.name),
                )
            ) from None
        except FileExistsError:
            raise _taken(path.stem) from None
        except OSError as error:
            raise ProblemError(
                problem(
                    ErrorCode.INTERNAL,
                    "Berkas tidak dapat ditulis",
                    "The file cannot be written",
                    detail=f"{path.name}: {error.strerror}",
                    fix=Text(id="Periksa izin folder ruangan", en="Check the permissions of the room's folder"),
                )
            ) from None
        finally:
            fresh.unlink(missing_ok=True)


def _settable(room: Room, line: RecordedLine) -> Value:
    device = room.devices.get(line.device)
    if device is None:
        raise DeviceError(f"there is no device '{line.device}'")
    if not device.driver.spec(line.property).settable:
        raise DeviceError(f"'{line.property}' cannot be set")
    return device.driver.check(line.property, tuple(line.value) if isinstance(line.value, list) else line.value)


def _taken(scene: str) -> ProblemError:
    return ProblemError(
        problem(
            ErrorCode.INVALID,
            f"Nama '{scene}' sudah dipakai",
            f"The name '{scene}' is taken",
            fix=Text(id="Pilih nama lain", en="Choose another name"),
            name="scene",
        )
    )


def _plain(by: str) -> str:
    """A name that ends no comment."""
    return " ".join(by.split())
