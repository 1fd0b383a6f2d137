"""A ceremony from text to reveal: what may happen when, what is on the disk before it does, and what a restart finds."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from smartroom.control.ceremony import archive
from smartroom.control.ceremony.draft import Draft
from smartroom.control.ceremony.ports import Rules
from smartroom.control.chain import storage
from smartroom.control.errors import ProblemError
from smartroom.protocol.ceremony import CeremonyStage, PadMode, Retention, Turn
from smartroom.protocol.errors import ErrorCode
from tests.ceremonies import ALONE, GLADI, TEXT, Listener, Pen, begin, freeze, rest, session_in, sign, until


def refused(error: pytest.ExceptionInfo[ProblemError]) -> ErrorCode:
    """The code of a refusal."""
    return error.value.problem.code


async def test_a_whole_ceremony(tmp_path: Path) -> None:
    """Text, two persons, two signatories, reveal, end; the journal tells the same afterwards."""
    listener = Listener()
    async with session_in(tmp_path, listener=listener) as session:
        await begin(session)
        await sign(session, Pen(session.id))
        assert session.told().stage is CeremonyStage.OPEN
        await session.turn(1, "Operator")
        await sign(session, Pen(session.id, signatory=1))
        assert session.told().stage is CeremonyStage.SIGNED
        assert session.told().document.recorded
        before = time.time()
        await session.reveal(1000, "Wali Kota")
        ((what, at),) = listener.effects
        assert what == "reveal"
        assert before + 1.4 < at < time.time() + 1.6
        await session.end(Retention.OUTLINE, "Protokol")
    _, story, records = archive.read(tmp_path)
    assert story.stage is CeremonyStage.ENDED
    assert [signatory.turn for signatory in story.signatories] == [Turn.DONE, Turn.DONE]
    kinds = [record.kind for record in records if record.kind not in ("ink", "head")]
    assert kinds == ["open", "freeze", "lead", "opened", "done", "turn", "done", "reveal", "ended"]


async def test_two_different_persons_freeze_the_text(tmp_path: Path) -> None:
    """One person twice is one person; a text that changed in between has to be confirmed anew; frozen, nobody changes it alone."""
    async with session_in(tmp_path) as session:
        digest = session.text.digest()
        await session.confirm("freeze", digest, "protokol", "Protokol")
        with pytest.raises(ProblemError) as error:
            await session.confirm("freeze", digest, "protokol", "Protokol")
        assert refused(error) is ErrorCode.FORBIDDEN
        await session.change(TEXT.model_copy(update={"place": "Balai Kota"}), 1)
        assert session.told().approvals == []
        with pytest.raises(ProblemError) as error:
            await session.confirm("freeze", digest, "host", "Pembawa acara")
        assert refused(error) is ErrorCode.STALE
        await freeze(session)
        assert session.told().stage is CeremonyStage.FROZEN
        with pytest.raises(ProblemError):
            await session.change(TEXT, 2)
        await session.confirm("thaw", session.text.digest(), "protokol", "Protokol")
        assert session.told().stage is CeremonyStage.FROZEN
        await session.confirm("thaw", session.text.digest(), "host", "Pembawa acara")
        assert session.told().stage is CeremonyStage.DRAFT


async def test_two_editors_do_not_overwrite_each_other(tmp_path: Path) -> None:
    """Who changes an older revision is told."""
    async with session_in(tmp_path) as session:
        await session.change(TEXT, 1)
        with pytest.raises(ProblemError) as error:
            await session.change(TEXT, 1)
        assert refused(error) is ErrorCode.STALE


@pytest.mark.parametrize(
    ("field", "value"), [("subject", " "), ("date", ""), ("number", ""), ("emblem_sha256", "0" * 64)]
)
async def test_nothing_missing_is_frozen(tmp_path: Path, field: str, value: str) -> None:
    """A text without subject, date, number or its emblem is named, not frozen."""
    async with session_in(tmp_path, text=TEXT.model_copy(update={field: value})) as session:
        with pytest.raises(ProblemError) as error:
            await session.confirm("freeze", session.text.digest(), "protokol", "Protokol")
        assert refused(error) is ErrorCode.INVALID
        assert error.value.problem.property == field.removesuffix("_sha256")


async def test_a_rehearsals_number_is_never_a_real_one(tmp_path: Path) -> None:
    """GLADI numbers belong to rehearsals alone, and rehearsals have no other."""
    for rehearsal, text in ((False, GLADI), (True, ALONE)):
        async with session_in(tmp_path / str(rehearsal), text=text, rehearsal=rehearsal) as session:
            with pytest.raises(ProblemError) as error:
                await session.change(text, 1)
            assert refused(error) is ErrorCode.INVALID


async def test_ink_reaches_the_walls_at_once_and_the_disk_soon(tmp_path: Path) -> None:
    """The batch is with the audience when `ink` returns; `durable` follows within moments, and the file has it."""
    listener = Listener()
    async with session_in(tmp_path, text=ALONE, listener=listener) as session:
        await begin(session)
        batches = list(Pen(session.id).stroke())
        for number, batch in enumerate(batches, 1):
            taken = session.ink(batch)
            assert (taken.received, taken.problem) == (number, None)
            assert listener.ink[-1].seq == number
            assert listener.ink[-1].pieces == batch.pieces
        await until(lambda: listener.kept and listener.kept[-1][1].number == len(batches))
        assert {source for source, _ in listener.kept} == {"tabletutama"}
        _, story, _ = archive.read(tmp_path)
        assert story.ink.signatures[0].digest() == session.story.ink.signatures[0].digest()


async def test_ink_needs_its_turn_its_attempt_and_the_leading_pad(tmp_path: Path) -> None:
    """Before the plaque is open, of another signatory, of an attempt that was begun anew, from a spare pad: refused with the reason."""
    async with session_in(tmp_path) as session:
        await freeze(session)
        (batch,) = Pen(session.id).stroke(1)
        assert _problem(session.ink(batch)) is ErrorCode.BLOCKED
        await session.take_lead("tabletutama", "Tablet utama", "-")
        await session.open("Operator")
        for pen, code in (
            (Pen(session.id, signatory=1), ErrorCode.BLOCKED),
            (Pen(session.id, attempt=1), ErrorCode.BLOCKED),
            (Pen(session.id, source="tabletcadangan"), ErrorCode.SUPERSEDED),
        ):
            (other,) = pen.stroke(1)
            assert _problem(session.ink(other)) is code
        assert session.story.ink.seq == 0


async def test_the_spare_pad_takes_over_in_mid_stroke(tmp_path: Path) -> None:
    """The stroke of the dead pad ends where it is and stays; the spare one goes on; the first pad's late ink is refused."""
    async with session_in(tmp_path, text=ALONE) as session:
        await begin(session)
        first, spare = Pen(session.id), Pen(session.id, source="tabletcadangan")
        for batch in first.stroke(3, lift=False):
            session.ink(batch)
        await session.take_lead("tabletcadangan", "Tablet cadangan", "Operator")
        for batch in first.stroke(1):
            assert _problem(session.ink(batch)) is ErrorCode.SUPERSEDED
        await sign(session, spare)
        strokes = session.story.ink.signatures[0].strokes
        assert [(stroke.source, stroke.end) for stroke in strokes.values()] == [
            ("tabletutama", "cancel"),
            ("tabletcadangan", "up"),
            ("tabletcadangan", "up"),
        ]
        assert session.told().stage is CeremonyStage.SIGNED


async def test_at_most_two_redos_and_both_stay_in_the_journal(tmp_path: Path) -> None:
    """Ulangi empties the field; the third time is refused; the old ink is still there to be read."""
    async with session_in(tmp_path, text=ALONE) as session:
        await begin(session)
        for attempt in (0, 1):
            for batch in Pen(session.id, attempt=attempt).stroke():
                session.ink(batch)
            await session.redo(0, attempt, "Protokol")
            assert session.story.ink.signatures[0].points == 0
        with pytest.raises(ProblemError) as error:
            await session.redo(0, 2, "Protokol")
        assert refused(error) is ErrorCode.BLOCKED
        with pytest.raises(ProblemError) as error:
            await session.redo(0, 1, "Protokol")
        assert refused(error) is ErrorCode.STALE
        await sign(session, Pen(session.id, attempt=2))
    _, _, records = archive.read(tmp_path)
    assert [record.body["attempt"] for record in records if record.kind == "ink"] == [0] * 4 + [1] * 4 + [2] * 8


async def test_selesai_waits_for_the_pen(tmp_path: Path) -> None:
    """Nothing drawn, pen down, pen just lifted: refused. Two seconds later it counts."""
    async with session_in(tmp_path, text=ALONE) as session:
        await begin(session)
        pen = Pen(session.id)
        with pytest.raises(ProblemError, match="Nothing"):
            await session.done(0, 0, "Protokol")
        for batch in pen.stroke(2, lift=False):
            session.ink(batch)
        with pytest.raises(ProblemError, match="moving"):
            await session.done(0, 0, "Protokol")
        for batch in pen.stroke(1):
            session.ink(batch)
        session.story.ink.signatures[0].settle()
        with pytest.raises(ProblemError, match="moving"):
            await session.done(0, 0, "Protokol")


async def test_the_reveal_is_armed_only_after_ink_and_can_be_covered_for_three_seconds(tmp_path: Path) -> None:
    """No unveiling before the last Selesai; covered within three seconds it may be revealed again, later it may not be covered."""
    async with session_in(tmp_path, text=ALONE) as session:
        await begin(session)
        with pytest.raises(ProblemError) as error:
            await session.reveal(1000, "Operator")
        assert refused(error) is ErrorCode.BLOCKED
        await sign(session, Pen(session.id))
        await session.reveal(1000, "Operator")
        await session.cover("Operator")
        await session.reveal(1000, "Operator")
        with pytest.raises(ProblemError):
            await session.reveal(1000, "Operator")
        assert session.story.reveal is not None
        session.story.reveal = session.story.reveal.model_copy(update={"at": time.time() - 3.5})
        with pytest.raises(ProblemError) as error:
            await session.cover("Operator")
        assert refused(error) is ErrorCode.EXPIRED


async def test_a_restart_in_mid_stroke_goes_on(tmp_path: Path) -> None:
    """The next life knows every batch that was acknowledged; the pad sends the others again, and none counts twice."""
    async with session_in(tmp_path, text=ALONE) as session:
        await begin(session)
        pen = Pen(session.id)
        sent = list(pen.stroke(4, lift=False))
        for batch in sent:
            session.ink(batch)
    async with session_in(tmp_path, text=ALONE) as session:
        assert session.told().stage is CeremonyStage.OPEN
        assert session.lead == "tabletutama"
        for batch in sent[2:]:
            taken = session.ink(batch)
            assert (taken.received, taken.durable) == (4, 4)
        assert session.story.ink.seq == 4
        for batch in pen.stroke(2):
            assert session.ink(batch).problem is None
        rest(session)
        await session.done(0, 0, "Protokol")
        assert session.story.recorded


async def test_a_full_or_broken_disk_is_never_a_false_saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sync error: Selesai is refused, ink is not acknowledged any more, the state says stopped, and nothing was recorded."""
    listener = Listener()
    async with session_in(tmp_path, text=ALONE, listener=listener) as session:
        await begin(session)
        pen = Pen(session.id)
        for batch in pen.stroke():
            session.ink(batch)
        await until(lambda: listener.kept and listener.kept[-1][1].number == 4)
        rest(session)

        def broken(_: int) -> None:
            raise OSError(5, "Input/output error")

        monkeypatch.setattr("smartroom.control.chain.storage.os.fdatasync", broken)
        with pytest.raises(ProblemError) as error:
            await session.done(0, 0, "Protokol")
        assert refused(error) is ErrorCode.DEGRADED
        assert not session.story.recorded
        assert session.journal.stopped
        for batch in pen.stroke(1):
            taken = session.ink(batch)
            assert (taken.received, taken.durable) == (4, 4)
            assert _problem(taken) is ErrorCode.DEGRADED


async def test_the_second_copy_carries_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The stick is pulled: told at once, and the ceremony goes on with the disk."""
    real, stick = storage.FileStorage.sync, tmp_path / "stick"

    def sync(self: storage.FileStorage) -> None:
        if str(stick) in self.name:
            raise OSError(5, "Input/output error")
        real(self)

    async with session_in(tmp_path / "disk", text=ALONE, rules=Rules(copy=stick, reserve=0)) as session:
        await begin(session)
        monkeypatch.setattr(storage.FileStorage, "sync", sync)
        await sign(session, Pen(session.id))
        assert session.story.recorded
        assert [copy.state for copy in session.journal.copies] == ["good", "failed"]
        assert not session.journal.stopped


async def test_a_set_clock_is_told_and_changes_no_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two days back in mid-ceremony: it goes on, the journal says so, the numbers give the order."""
    async with session_in(tmp_path, text=ALONE) as session:
        await begin(session)
        pen = Pen(session.id)
        for batch in pen.stroke():
            session.ink(batch)
        real = time.time
        monkeypatch.setattr("smartroom.control.clock.time.time", lambda: real() - 172_800)
        for batch in pen.stroke():
            session.ink(batch)
        rest(session)
        await session.done(0, 0, "Protokol")
        assert session.journal.clock_jumped == pytest.approx(-172_800, abs=1)
    _, story, records = archive.read(tmp_path)
    assert story.recorded
    assert [record.sequence for record in records] == list(range(1, len(records) + 1))
    assert [record.kind for record in records].count("clock") == 1


async def test_two_decisions_at_once_are_one_after_the_other(tmp_path: Path) -> None:
    """Selesai and Ulangi pressed together: one of them wins, the other hears that the turn has changed."""
    async with session_in(tmp_path, text=ALONE) as session:
        await begin(session)
        for batch in Pen(session.id).stroke():
            session.ink(batch)
        rest(session)
        done, redone = await asyncio.gather(
            session.done(0, 0, "Protokol"), session.redo(0, 0, "Operator"), return_exceptions=True
        )
        assert done is None
        assert isinstance(redone, ProblemError)


async def test_void_keeps_everything_and_says_why(tmp_path: Path) -> None:
    """BATAL after ink: the reason stands in the journal, nothing can follow."""
    async with session_in(tmp_path, text=ALONE) as session:
        await begin(session)
        await sign(session, Pen(session.id))
        await session.void("Nama keliru", "Protokol")
        assert session.told().void_reason == "Nama keliru"
        with pytest.raises(ProblemError):
            await session.reveal(1000, "Operator")


async def test_modes_and_count_down(tmp_path: Path) -> None:
    """The pad suits the person; the count-down stands still when held and goes on from there."""
    async with session_in(tmp_path, text=ALONE) as session:
        await freeze(session)
        await session.mode(0, PadMode(large=True, left_handed=True), "Operator")
        assert session.told().signatories[0].mode.left_handed
        session.count("begin", 10, "Operator")
        session.count("hold", 10, "Operator")
        assert session.counting is not None
        assert (session.counting.at, session.counting.held) == (None, 10)
        session.count("go", 10, "Operator")
        assert session.counting.at is not None
        session.count("end", 10, "Operator")
        assert session.counting is None


async def test_a_damaged_journal_does_not_open_and_stays_as_it_is(tmp_path: Path) -> None:
    """A changed byte in what was saved: the ceremony is not resumed, the file is not touched, the fix is named."""
    async with session_in(tmp_path, text=ALONE) as session:
        await begin(session)
        await sign(session, Pen(session.id))
    file = tmp_path / "journal"
    damaged = file.read_bytes().replace(b'"by":"Operator"', b'"by":"Siapapun"', 1)
    file.write_bytes(damaged)
    with pytest.raises(ProblemError) as error:
        async with session_in(tmp_path):
            pass
    assert refused(error) is ErrorCode.DEGRADED
    assert error.value.problem.fix is not None
    assert file.read_bytes() == damaged


async def test_the_draft_survives(tmp_path: Path) -> None:
    """Text, revision and the first person's yes are there after a restart."""
    async with session_in(tmp_path) as session:
        await session.change(TEXT.model_copy(update={"place": "Balai"}), 1)
        await session.confirm("freeze", session.text.digest(), "protokol", "Protokol")
    kept = Draft.load(tmp_path)
    assert (kept.text.place, kept.revision, kept.wish, len(kept.approvals)) == ("Balai", 2, "freeze", 1)


def _problem(taken: object) -> ErrorCode | None:
    problem = getattr(taken, "problem", None)
    return problem.code if problem else None
