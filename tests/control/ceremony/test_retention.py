"""What becomes of ink when a ceremony is over, and of documents that have left the stage."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import pkcs7
from hypothesis import given
from hypothesis import strategies as st

from smartroom.commands.journal import report_lines
from smartroom.control import clock
from smartroom.control.ceremony import aftercare, archive, desk
from smartroom.control.ceremony.desk import DocumentDesk
from smartroom.control.ceremony.draft import Draft
from smartroom.control.ceremony.hall import Hall
from smartroom.control.ceremony.ports import Rules, Tools
from smartroom.control.ceremony.retention import STROKES, drawn_again, outline
from smartroom.control.ceremony.strokes import Signature, Stroke
from smartroom.control.ceremony.trust import HouseConfined
from smartroom.control.errors import ProblemError
from smartroom.protocol.ceremony import Legal, Retention
from smartroom.protocol.errors import ErrorCode
from smartroom.protocol.signing import Level
from smartroom.signing.testing.house import SEAL
from tests.ceremonies import ALONE, Pen, begin, freeze, session_in, sign, until
from tests.control.ceremony.test_documents import trusting
from tests.signing.rig import Office, sealing_process

ADDRESS = "https://kota.example/v/{}".format

POINTS = st.lists(
    st.tuples(st.integers(-500, 10_500), st.integers(-500, 4_500), st.integers(0, 60_000), st.integers(0, 1000)).map(
        list
    ),
    min_size=1,
    max_size=60,
)


def signature(strokes: Sequence[list[list[int]]]) -> Signature:
    """Ink."""
    found = Signature(0, 0, 1.0)
    for number, points in enumerate(strokes):
        found.strokes["pad", number] = Stroke("pad", number, points, "up")
    return found


@given(strokes=st.lists(POINTS, min_size=1, max_size=4), times=st.integers(1, 9), firm=st.integers(0, 1000))
def test_an_outline_knows_nothing_of_time_and_pressure(strokes: list[list[list[int]]], times: int, firm: int) -> None:
    """The same course drawn faster, firmer or sampled more densely has the same outline; it begins and ends where the pen did, and comes near every point."""
    told = outline([signature(strokes)])
    dense = [
        [
            [round(a[0] + (b[0] - a[0]) * part / 2), round(a[1] + (b[1] - a[1]) * part / 2), a[2] * times, firm]
            for a, b in zip(points, [*points[1:], points[-1]], strict=True)
            for part in (0, 2)
        ]
        for points in strokes
    ]
    assert outline([signature(dense)]) == told
    assert json.loads(json.dumps(told)) == json.loads(json.dumps(outline([signature(strokes)])))
    for line, points in zip(told[0]["strokes"], strokes, strict=True):
        assert (tuple(line[0]), tuple(line[-1])) == (tuple(points[0][:2]), tuple(points[-1][:2]))
    again = drawn_again(told[0])
    assert {point[3] for stroke in again.strokes.values() for point in stroke.points} == {500}
    assert sum(len(line) for line in told[0]["strokes"]) < 21_000


def test_a_longest_signature_fits_a_record() -> None:
    """Twenty thousand points as far apart as the field: the outline stays small enough for a line of the journal."""
    far = [[(n % 2) * 10_000, (n % 3) * 2_000, n * 4, 500] for n in range(20_000)]
    assert len(json.dumps(outline([signature([far])]))) < 700_000


async def test_when_it_is_over_only_the_outline_is_left(tmp_path: Path) -> None:
    """After `end` no point with time or pressure is in any file; the journal is whole, the plaque still shows the ink, after a restart too."""
    async with session_in(tmp_path / "one", text=ALONE) as session:
        tools = Tools(None, HouseConfined(tmp_path), None, Rules(reserve=0), ADDRESS)
        await begin(session)
        await sign(session, Pen(session.id))
        before = session.story.ink.signatures[0]
        points = [point for stroke in before.strokes.values() for point in stroke.points]
        await DocumentDesk(session, tools).settle()
        assert b'"pieces"' in (tmp_path / "one" / "journal").read_bytes()
        await session.end(Retention.OUTLINE, "Operator")
        assert await DocumentDesk(session, tools).settle() is None
        assert session.told().outlined_at is not None
        left = session.story.ink.signatures[0]
    for file in (tmp_path / "one").iterdir():
        assert b'"pieces"' not in file.read_bytes(), file.name
    report = archive.check_journal(tmp_path / "one")
    assert (report.broken, report.removed) == ("", 8)
    assert any("content of 8 records was taken out" in line for line in report_lines(tmp_path, report))
    _, story, _ = archive.read(tmp_path / "one")
    again = [stroke.points for stroke in story.ink.signatures[0].strokes.values()]
    assert again == [stroke.points for stroke in left.strokes.values()]
    assert all(min(math.dist(point[:2], other[:2]) for line in again for other in line) < 40 for point in points)
    strokes = json.loads(archive.strokes(Draft.load(tmp_path / "one"), story))
    assert (strokes["outline"], strokes["channels"]) == (True, ["X", "Y"])


async def test_a_void_ceremony_keeps_no_dynamics_either(tmp_path: Path) -> None:
    """BATAL in mid-ceremony: nobody will need how it was written."""
    async with session_in(tmp_path / "one", text=ALONE) as session:
        await begin(session)
        for batch in Pen(session.id).stroke():
            session.ink(batch)
        await session.void("salah naskah", "Operator")
        await DocumentDesk(session, Tools(None, HouseConfined(tmp_path), None, Rules(reserve=0), ADDRESS)).settle()
    assert b'"pieces"' not in (tmp_path / "one" / "journal").read_bytes()


def escrow(folder: Path, key: rsa.RSAPrivateKey) -> Path:
    """A notary's certificate."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Notaris Uji")])
    now = datetime.now(UTC)
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + timedelta(days=9))
    path = folder / "escrow.pem"
    path.write_bytes(made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    return path


async def test_kept_for_somebody_elses_key_and_then_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With consent the points go to the escrow's key alone: it reads every one; without a certificate it is refused; after its time the file is gone."""
    key = rsa.generate_private_key(65537, 2048)
    rules = Rules(reserve=0, escrow=escrow(tmp_path, key), escrow_s=1000.0)
    async with session_in(tmp_path / "none", text=ALONE) as session:
        await begin(session)
        await sign(session, Pen(session.id))
        with pytest.raises(ProblemError) as error:
            await session.end(Retention.ENCRYPTED, "Operator")
        assert error.value.problem.code is ErrorCode.CONFIGURATION
    async with session_in(tmp_path / "one", text=ALONE, rules=rules) as session:
        documents = DocumentDesk(session, Tools(None, HouseConfined(tmp_path), None, rules, ADDRESS))
        await begin(session)
        await sign(session, Pen(session.id))
        points = [stroke.points for stroke in session.story.ink.signatures[0].strokes.values()]
        await session.end(Retention.ENCRYPTED, "Operator")
        until_then = await documents.settle()
        kept = (tmp_path / "one" / STROKES).read_bytes()
        assert session.story.escrow is not None
        assert until_then == session.story.escrow["until"]
        certificate = x509.load_pem_x509_certificate((tmp_path / "escrow.pem").read_bytes())
        told = json.loads(pkcs7.pkcs7_decrypt_der(kept, certificate, key, []))
        assert [stroke["points"] for stroke in told["signatures"][0]["strokes"]] == points
        assert b'"pieces"' not in (tmp_path / "one" / "journal").read_bytes()
        later = clock.wall() + 1001
        monkeypatch.setattr(clock, "wall", lambda: later)
        assert await documents.settle() is None
        assert not (tmp_path / "one" / STROKES).exists()


@asynccontextmanager
async def hall_in(folder: Path, tools: Tools) -> AsyncIterator[Hall]:
    """A room's hall that runs."""
    async with asyncio.TaskGroup() as group, Hall("hall", folder, tools) as hall:
        running = group.create_task(hall.run())
        yield hall
        running.cancel()


async def test_off_the_stage_documents_are_raised_and_renewed(
    tmp_path: Path, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sealed while no service answered, and the next ceremony is on stage already: raised there, and joined by a new timestamp a year later."""
    monkeypatch.setattr(aftercare, "AFTERCARE_S", 0.05)
    monkeypatch.setattr(aftercare, "AFTERCARE_RETRY_S", 0.2)
    async with sealing_process(office.house.settings) as sealing:
        tools = Tools(sealing, trusting(office, tmp_path), None, Rules(seal=SEAL, reserve=0), ADDRESS)
        async with hall_in(tmp_path, tools) as hall:
            session = await hall.bring(hall.create(ALONE, rehearsal=False).id)
            await freeze(session)
            await begin(session)
            await sign(session, Pen(session.id))
            await until(lambda: session.story.document.upgrade == "failed", 40)
            await hall.bring(hall.create(ALONE.model_copy(update={"number": "2"}), rehearsal=False).id)
            async with office.open():
                await until(lambda: hall.told(session.id).document.level is Level.B_LTA, 40)
                await until(lambda: hall.told(session.id).document.verdict is not None, 40)
                assert hall.told(session.id).document.legal is Legal.VALID
                files = len(archive.read(hall.need_folder(session.id))[1].files)
                monkeypatch.setattr(desk, "RENEW_S", -1.0)
                draft = Draft.load(hall.need_folder(session.id))
                draft.model_copy(update={"due": 0.0}).save(hall.need_folder(session.id))
                await until(lambda: len(archive.read(hall.need_folder(session.id))[1].files) > files, 40)
                monkeypatch.setattr(desk, "RENEW_S", 1e9)
                assert (await hall.bring(session.id)).id == session.id
