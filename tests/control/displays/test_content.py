"""Content: one canonical text, errors that name file, line and fix, and a new kind by one file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from devices.sdk.document import DocumentError
from smartroom.control.displays import content
from smartroom.control.displays.content import BadContent, canonical, kinds, parse
from smartroom.control.displays.pictures.album import Album
from smartroom.control.displays.walls import Furniture
from smartroom.control.room.files import load_room
from smartroom.control.scenes.files import load_scene
from smartroom.control.scenes.model import without
from tests.rooms import families
from tests.walls import ROOM_FILE, png

PAGE_KINDS = Path(__file__).resolve().parents[3] / "web/src/pages/wall/kinds"


@pytest.fixture
def hall(tmp_path: Path) -> Path:
    """A room's folder with two walls and a picture."""
    (tmp_path / "room.yaml").write_text(ROOM_FILE)
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures/denah.png").write_bytes(png())
    return tmp_path


def scene(hall: Path, desired: str) -> Path:
    """Write a scene that wants this; its first line of content is line 4."""
    path = hall / "coba.yaml"
    path.write_text(f"name: Coba\ndesired:\n  wall.kiri:\n{desired}")
    return path


def room(hall: Path, *, album: Album | None = None) -> object:
    """The room as the server has it."""
    return Furniture(album or Album(None, hall / "pictures")).furnished(load_room(hall, families(), {}))


def test_every_kind_has_both_sides() -> None:
    """One module here, one component of the same name on the page."""
    assert sorted(kinds()) == sorted(path.stem.lower() for path in PAGE_KINDS.glob("*.svelte"))
    assert {"welcome", "message", "slides", "web", "countdown", "blank", "pattern"} <= set(kinds())


def test_the_same_content_is_the_same_text() -> None:
    """Order of keys and written defaults do not count: a scene's goal and a page's report can be compared."""
    written = {"title": "Rombongan", "kind": "welcome", "greeting": "Selamat datang", "names": []}
    assert canonical(parse(written)) == '{"kind":"welcome","title":"Rombongan"}'
    assert canonical(parse(json.dumps(written))) == canonical(parse({"kind": "welcome", "title": "Rombongan"}))


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ({"kind": "welcome", "title": "Rombongan", "guest": "Diskominfo"}, "Sambutan: Rombongan Diskominfo"),
        ({"kind": "message", "title": "Rehat"}, "Pesan: Rehat"),
        ({"kind": "slides", "images": ["a", "b"], "title": "Paparan"}, "Gambar: Paparan (2 halaman)"),
        ({"kind": "web", "url": "https://dasbor.example/x"}, "Halaman: dasbor.example"),
        ({"kind": "countdown", "to": "2026-11-23T10:00:00+07:00"}, "Hitung mundur: 10.00"),
        ({"kind": "blank"}, "Gelap"),
        ({"kind": "pattern"}, "Pola uji"),
    ],
)
def test_content_reads_as_words(written: dict[str, object], words: str) -> None:
    """What a panel and a plan say of it."""
    assert words == parse(written).words().id


@pytest.mark.parametrize(
    ("desired", "line", "said"),
    [
        ("    content: {kind: welcom}\n", 4, "did you mean 'welcome'"),
        ("    content: {title: x}\n", 4, "'kind' is missing"),
        ("    content: welcome\n", 4, "no JSON"),
        ("    content:\n      kind: welcome\n      titel: x\n", 6, "did you mean 'title'"),
        ("    content:\n      kind: welcome\n      agenda:\n        - at: 09.30\n          title: x\n", 7, "quotes"),
        ("    content:\n      kind: slides\n      images: [denah.png, dena.png]\n", 6, "did you mean 'denah.png'"),
        ("    content:\n      kind: web\n      url: javascript:alert(1)\n", 6, "https://"),
        ("    content:\n      kind: web\n      url: https://a:b@dasbor.example/\n", 6, "password"),
        ("    content:\n      kind: countdown\n      to: 2026-11-23T10:00:00\n", 6, "timezone"),
        ("    page: 0\n", 4, "from 1 to"),
        ("    contant: {kind: blank}\n", 4, "content"),
    ],
)
def test_a_wrong_content_names_file_line_and_fix(hall: Path, desired: str, line: int, said: str) -> None:
    """A technician's slip is told where it stands, with what to write instead."""
    path = scene(hall, desired)
    with pytest.raises(DocumentError) as caught:
        load_scene(path, room(hall))  # type: ignore[arg-type]
    assert caught.value.line == line
    assert said in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_mapping_is_one_value(hall: Path) -> None:
    """`content: {...}` is one goal with the names of pictures made ids; an output may be a wall."""
    path = scene(hall, "    content: {kind: slides, images: [denah.png]}\n    blank: false\n")
    found = room(hall)
    loaded = load_scene(path, found)  # type: ignore[arg-type]
    goals = {goal.property: goal.value for goal in loaded.goals}
    assert goals["blank"] is False
    images = json.loads(str(goals["content"]))["images"]
    assert [len(image) for image in images] == [32]
    assert loaded.goals[0].label.id == "Layar kiri · tayangan"
    assert without(loaded, {"wall.kanan"}) is loaded
    assert without(loaded, {"wall.kiri"}) is loaded, "a scene for unpaired walls alone stays as it is, and fails"


def test_an_unknown_wall_of_an_output_is_told(hall: Path) -> None:
    """`outputs: {left: {wall: kir}}`: line and nearest name."""
    (hall / "room.yaml").write_text(ROOM_FILE.replace("wall: kiri}", "wall: kir}"))
    with pytest.raises(DocumentError, match="did you mean 'kiri'"):
        load_room(hall, families(), {})


@pytest.fixture
def quiz() -> Iterator[None]:
    """After the test the package is as it was."""
    before = list(content.__path__)
    content.kinds.cache_clear()
    yield
    content.__path__[:] = before
    content.kinds.cache_clear()


def test_a_new_kind_is_one_file(tmp_path: Path, quiz: None) -> None:
    """A module put beside the others is a kind: checked, canonical, in words."""
    (tmp_path / "quiz.py").write_text(
        "from typing import Literal\n"
        "from smartroom.control.displays.content.base import Content, Line\n"
        "from smartroom.protocol.base import Text\n"
        "class Quiz(Content):\n"
        '    kind: Literal["quiz"]\n'
        "    question: Line\n"
        "    def words(self) -> Text:\n"
        "        return Text.of(self.question)\n"
    )
    content.__path__.append(str(tmp_path))
    found = parse({"kind": "quiz", "question": "Siapa?"})
    assert found.words().id == "Siapa?"
    assert canonical(found) == '{"kind":"quiz","question":"Siapa?"}'
    with pytest.raises(BadContent, match="question"):
        parse({"kind": "quiz"})


@pytest.mark.parametrize("text", ["", "x", "[]", '"x"', "{" * 300, '{"kind":[]}', '{"kind":"message","title":"a\\nb"}'])
def test_hostile_text_is_refused(text: str) -> None:
    """What is no content raises BadContent and nothing else."""
    with pytest.raises(BadContent):
        parse(text)
