"""Rundown files: what they mean, and that every mistake is told with file, line and fix before anything can be fired."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.sdk.document import DocumentError
from smartroom.control.displays.pictures.album import Album
from smartroom.control.displays.walls import Furniture
from smartroom.control.room.files import load_room
from smartroom.control.rundowns.book import Book, read_book
from smartroom.control.rundowns.model import Rundown, load_rundown
from smartroom.control.rundowns.shape import Shelf
from smartroom.control.scenes.files import load_scenes
from smartroom.protocol.rundowns import CueResult, Phase
from tests.rooms import ROOM, SCENES, families, write_site

HEAD = "name: Acara\ncues:\n"


def loaded(folder: Path, text: str, room: str = ROOM) -> Rundown:
    """A rundown of the test room."""
    hall = write_site(folder, room, SCENES, {"acara": text})
    bare = load_room(hall, families(), {})
    found = Shelf().furnished(Furniture(Album(None, hall / "pictures")).furnished(bare), hall)
    scenes, errors = load_scenes(hall, found)
    assert not errors
    return load_rundown(hall / "rundowns/acara.yaml", found, scenes)


@pytest.mark.parametrize(
    ("cue", "line", "told"),
    [
        ("  - {id: a, name: A}", 3, "add scene:"),
        ("  - {id: a, name: A, scene: slidez}", 3, "did you mean 'slides'?"),
        ("  - {id: a, name: A, hold: true}\n  - {id: a, name: B, hold: true}", 4, "first on line 3"),
        ("  - {id: a, name: A, scnee: slides}", 3, "did you mean 'scene'?"),
        ("  - {id: A b, name: A, hold: true}", 3, "small letters"),
        ("  - {id: a, name: A, desired: {matrx: {mute: {main: true}}}}", 3, "did you mean 'matrix'?"),
        ("  - {id: a, name: A, desired: {matrix: {mute: {main: 3}}}}", 3, "matrix"),
        ("  - id: a\n    name: A\n    scene: slides\n    desired:\n      matrix: {mute: {main: true}}", 7, "twice"),
        ("  - {id: a, name: A, message: {title: Halo}}", 3, "name one under walls:"),
        ("  - {id: a, name: A, countdown: {seconds: 0}}", 3, "greater than or equal to 1"),
        ("  - {id: a, name: A, hold: true, planned: sebentar}", 3, "write 60s or 2m"),
        ("  - {id: a, name: A, hold: true, planned: 900m}", 3, "0.1s to 720m"),
        ("  - {id: a, name: A, hold: true, hold_for: 2s}", 3, "fire: hold"),
        ("  - {id: a, name: A, hold: true, fire: hold, hold_for: 1m}", 3, "0.1s to 10s"),
        ("  - {id: a, name: A, hold: true, guard: \"is('matrix.mut.main', true)\"}", 3, "did you mean 'mute.1'?"),
        ("  - {id: a, name: A, hold: true, guard: \"value('matrix.mute.main') ==\"}", 3, "write it like"),
        ('  - id: a\n    name: A\n    hold:\n      until: "[1].map(x, x) == [1]"', 6, "no function 'map'"),
        ("  - {id: a, name: A, hold: {until: \"steps.x.result == 'achieved'\"}}", 3, "earlier step"),
        ("  - {id: a, name: A, hold: false}", 3, "hold"),
        ("  []", 2, "add one"),
        ("".join(f"  - {{id: c{i}, name: C, hold: true}}\n" for i in range(201)), 2, "split it"),
    ],
)
def test_a_mistake_is_told_with_line_and_fix(tmp_path: Path, cue: str, line: int, told: str) -> None:
    """File, line, what is wrong, and what to write instead."""
    with pytest.raises(DocumentError) as found:
        loaded(tmp_path, HEAD + cue)
    assert f"acara.yaml:{line}:" in str(found.value)
    assert told in str(found.value)
    assert found.value.fix


def test_an_alias_bomb_is_refused(tmp_path: Path) -> None:
    """A YAML bomb meets the limit on values."""
    bomb = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"{chr(98 + i)}: &{chr(98 + i)} [{','.join(['*' + chr(97 + i)] * 10)}]\n" for i in range(6)
    )
    with pytest.raises(DocumentError, match="more than 50000 values"):
        loaded(tmp_path, bomb + HEAD + "  - {id: a, name: A, hold: true}")


def test_what_a_cue_may_do_together(tmp_path: Path) -> None:
    """A scene, goals of its own, a message and a condition in one cue."""
    cue = """
  - id: buka
    name: {id: Buka, en: Open}
    scene: slides
    desired: {matrix: {volume: {main: 40}}}
    message: {title: Selamat, walls: [kiri]}
    guard: is('matrix.route.main', 'laptop')
    fire: hold
    planned: 2m
"""
    found = loaded(tmp_path, HEAD + cue, ROOM + "walls: {kiri: {name: Layar kiri}}\n").cues[0]
    assert found.scene is not None
    assert [goal.key for goal in found.goals] == [("matrix", "volume.1"), ("wall.kiri", "content")]
    assert found.guard is not None
    assert found.guard.reads == (("matrix", "route.1"),)
    assert found.planned_s == 120


_DEEDS = st.lists(
    st.sampled_from(["open", "fire", "skip", "back", "hold", "resume", "finish", "restart", "settle"]), max_size=60
)


@given(_DEEDS)
def test_the_book_never_loses_its_place(deeds: list[str]) -> None:
    """Whatever operators do: the next cue is one of the file or none, times never run backwards, nothing is fired while it is held or closed by accident,
    and a book that was kept reads back as it was.
    """
    rundown = _RUNDOWN
    book, now, turn = Book(), 1000.0, 0
    for deed in deeds:
        now += 1
        match deed:
            case "open" if not book.open:
                book.begin(rundown, "Ani", now)
            case "fire" if book.open and book.held is None and book.next is not None:
                before = book.next
                assert book.fire(rundown, "Ani", now).cue == before
            case "skip" if book.open and book.next is not None:
                book.skip(rundown, "Ani", now)
            case "back" if book.open and book.next != rundown.cues[0].id:
                book.back(rundown)
            case "hold" if book.open:
                book.hold("Ani", now)
            case "resume":
                book.held = None
            case "finish" if book.open:
                book.finish(now)
            case "settle" if book.last is not None and book.last.result is None:
                book.update(book.last.turn, result=CueResult.ACHIEVED, settled=now)
            case "restart":
                fired = len(book.entries)
                book = read_book(book.model_dump_json())
                book.wake(rundown, now)
                assert len(book.entries) == fired
                assert not book.open or book.phase is Phase.HELD
        assert book.turn >= turn
        turn = book.turn
        assert book.next is None or rundown.cue(book.next) is not None
        assert [entry.started for entry in book.entries] == sorted(entry.started for entry in book.entries)
        assert read_book(book.model_dump_json()) == book


def test_a_book_that_cannot_be_read_is_an_empty_one() -> None:
    """A rundown is opened again in a second; a broken record must not keep a room closed."""
    assert read_book("{") == Book()
    assert read_book('{"turn": "x"}') == Book()


def _rundown() -> Rundown:
    import tempfile  # noqa: PLC0415  # once, for the property test

    with tempfile.TemporaryDirectory() as folder:
        return loaded(
            Path(folder), HEAD + "".join(f"  - {{id: c{i}, name: C{i}, hold: true, planned: 10s}}\n" for i in range(4))
        )


_RUNDOWN = _rundown()
