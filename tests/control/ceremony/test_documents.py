"""From the last Selesai to the sealed, judged, raised document: real processes, a real authority, a simulator of BSrE."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest
from pydantic import SecretStr

from smartroom.control.ceremony import archive
from smartroom.control.ceremony.desk import DocumentDesk
from smartroom.control.ceremony.ports import Rules, Sealing, Tools
from smartroom.control.ceremony.session import Session
from smartroom.control.ceremony.trust import TRUST, HouseConfined
from smartroom.control.errors import ProblemError
from smartroom.protocol.ceremony import DocumentStep, Legal, SignTask
from smartroom.protocol.document import DocumentText
from smartroom.protocol.errors import ErrorCode
from smartroom.protocol.signing import CertificateState, Level, SigningCode
from smartroom.protocol.verdict import Finding, Light
from smartroom.signing.testing.bsre import Account, BsreSimulator, run_bsre
from smartroom.signing.testing.house import PASSPHRASE, REHEARSAL, SEAL, SERVICE, SIGNER, furnish
from smartroom.signing.testing.services import Services
from tests.ceremonies import ALONE, GLADI, TEXT, Pen, begin, session_in, sign, until
from tests.ports import free_port
from tests.signing.rig import HOST, PERSONAL_NUMBER, Office, berita_acara, sealing_process

PHRASE = "frasa-wali-kota"


@dataclass
class Signing:
    """A session whose last Selesai was pressed, and its desk at work."""

    session: Session
    desk: DocumentDesk

    @property
    def document(self) -> object:
        """For messages of failed tests."""
        return self.session.story.document

    async def until(self, legal: Legal, limit: float = 30.0) -> None:
        """Wait for the legal state."""
        await until(lambda: self.session.story.document.legal is legal, limit)

    async def until_judged(self) -> None:
        """Wait for the verdict on the newest version."""

        def judged() -> bool:
            document = self.session.story.document
            return document.verdict is not None and document.verdict.sha256 == document.sha256

        await until(judged, 30)

    def pdf(self) -> bytes:
        """The newest version."""
        path = self.desk.file()
        assert path is not None
        return path.read_bytes()


def trusting(office: Office, data: Path) -> HouseConfined:
    """A data folder that trusts the office's root."""
    for folder, pem in (("roots", office.house.root), ("intermediates", office.house.intermediate)):
        (data / TRUST / folder).mkdir(parents=True, exist_ok=True)
        (data / TRUST / folder / "uji.pem").write_text(pem)
    return HouseConfined(data)


@asynccontextmanager
async def signing(
    folder: Path,
    office: Office,
    rules: Rules,
    *,
    sealing: Sealing | None,
    text: DocumentText = ALONE,
    rehearsal: bool = False,
    signed: bool = True,
) -> AsyncIterator[Signing]:
    """A ceremony up to its last Selesai."""
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(
            session_in(folder / "one", text=text, rehearsal=rehearsal, rules=rules, sealing=sealing)
        )
        desk = DocumentDesk(
            session, Tools(sealing, trusting(office, folder), None, rules, lambda key: f"https://kota.example/v/{key}")
        )
        if signed:
            await begin(session)
            for number in range(len(text.signatories)):
                if number:
                    await session.turn(number, "Operator")
                await sign(session, Pen(session.id, signatory=number))
        group = await stack.enter_async_context(asyncio.TaskGroup())
        running = group.create_task(desk.run(lambda: True))
        stack.callback(running.cancel)
        yield Signing(session, desk)


async def test_sealed_judged_and_legal(tmp_path: Path, office: Office, services: Services) -> None:
    """With the agency's seal at B-LTA: drawn, sealed, judged; the head of the last Selesai is signed and printed; TTE sah."""
    async with (
        sealing_process(office.house.settings) as sealing,
        signing(tmp_path, office, Rules(seal=SEAL, reserve=0), sealing=sealing) as found,
    ):
        await found.until(Legal.VALID)
        document = found.session.story.document
        assert (document.step, document.level) == (DocumentStep.SEALED, Level.B_LTA)
        assert document.verdict is not None
        assert document.verdict.passed
        assert document.verdict.time.light is Light.GREEN
        assert found.session.journal.signed > 0
    report = archive.check_journal(tmp_path / "one")
    assert (report.broken, report.heads > 1) == ("", True)
    drawn, sealed = (archive.version(tmp_path / "one", found.session.story, number) for number in (0, 1))
    assert drawn is not None
    assert sealed is not None
    assert sealed.startswith(drawn)


async def test_without_keys_the_ink_is_recorded_and_nothing_is_claimed(tmp_path: Path, office: Office) -> None:
    """No sealing process: the Berita Acara is drawn, the legal state says none, for ever."""
    async with signing(tmp_path, office, Rules(reserve=0), sealing=None) as found:
        await until(lambda: found.session.story.document.step is DocumentStep.DRAWN, 30)
        assert found.session.story.document.recorded
        assert found.session.story.document.legal is Legal.NONE
        assert found.pdf().startswith(b"%PDF")


async def test_services_down_seal_lower_and_raise_later(
    tmp_path: Path, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Timestamps and revocation do not answer: sealed at B-B at once. They come back: raised to B-LTA by itself, over the same bytes."""
    monkeypatch.setattr("smartroom.control.ceremony.desk.SIGN_RETRY_S", 0.2)
    rules = Rules(seal=SEAL, reserve=0)
    async with (
        sealing_process(office.house.settings) as sealing,
        signing(tmp_path, office, rules, sealing=sealing) as found,
    ):
        await until(lambda: found.session.story.document.upgrade == "failed", 40)
        document = found.session.story.document
        assert (document.level, document.legal) == (Level.B_B, Legal.VALID)
        assert document.verdict is not None
        assert document.verdict.time.finding is Finding.CLAIMED
        before = found.pdf()
        async with office.open():
            await until(lambda: found.session.story.document.upgrade == "done", 40)
            await found.until_judged()
        assert found.session.story.document.level is Level.B_LTA
        assert found.pdf().startswith(before)


async def test_a_rehearsal_is_signed_by_the_rehearsals_key(tmp_path: Path, office: Office, services: Services) -> None:
    """GLADI goes all the way with the test key, says so in the file, and our judge never calls it passed."""
    rules = Rules(seal=SEAL, rehearsal_key=REHEARSAL, reserve=0)
    async with (
        sealing_process(office.house.settings) as sealing,
        signing(tmp_path, office, rules, sealing=sealing, text=GLADI, rehearsal=True) as found,
    ):
        await found.until(Legal.VALID)
        verdict = found.session.story.document.verdict
        assert verdict is not None
        assert verdict.rehearsal
        assert not verdict.passed


async def test_a_signatory_signs_on_the_phone_with_a_key(tmp_path: Path, office: Office, services: Services) -> None:
    """The link shows what is signed; a wrong passphrase is told and may be tried again; the right one makes it legal; then the link has ended."""
    rules = Rules(signer_keys=(SIGNER,), seal_level=Level.B_T, reserve=0)
    async with (
        sealing_process(office.house.settings) as sealing,
        signing(tmp_path, office, rules, sealing=sealing) as found,
    ):
        await found.until(Legal.WAITING)
        token = found.desk.link(0)
        task = found.desk.task(token)
        assert (task.name, task.document_sha256) == (ALONE.signatories[0].name, found.session.story.document.sha256)
        assert task.asks == ["passphrase"]
        wrong = await found.desk.sign(token, SignTask(passphrase=SecretStr("bukan ini")))
        assert (wrong.state, wrong.code) == (Legal.LATER, SigningCode.WRONG_PASSPHRASE)
        right = await found.desk.sign(token, SignTask(passphrase=SecretStr(PASSPHRASE)))
        assert right.state is Legal.VALID
        await found.until(Legal.VALID)
        with pytest.raises(ProblemError) as error:
            found.desk.task(token)
        assert error.value.problem.code is ErrorCode.EXPIRED


@dataclass
class Bsre:
    """A simulator of BSrE and a house that uses it."""

    simulator: BsreSimulator
    settings: Path


@pytest.fixture
async def bsre(tmp_path: Path, office: Office, services: Services) -> AsyncIterator[Bsre]:
    """The mayor is known there by NIK."""
    port = free_port()
    simulator = BsreSimulator(f"http://{HOST}:{port}", office.authority)
    simulator.accounts[PERSONAL_NUMBER] = Account(office.mayor, PHRASE)
    house = furnish(
        tmp_path / "house",
        office.authority,
        signer=office.mayor,
        bsre=(simulator.url, simulator.user, simulator.password),
    )
    async with run_bsre(simulator, HOST, port):
        yield Bsre(simulator, house.settings)


def wish(passphrase: str = PHRASE) -> SignTask:
    """What the mayor types on the phone."""
    return SignTask(signer=SecretStr(PERSONAL_NUMBER), passphrase=SecretStr(passphrase))


async def test_bsre_signs_after_the_seal(
    tmp_path: Path, office: Office, bsre: Bsre, caplog: pytest.LogCaptureFixture
) -> None:
    """Seal first, then the mayor by BSrE on the phone, then raised: legal; passphrase and NIK are in no file and no line of the log."""
    caplog.set_level(logging.DEBUG)
    rules = Rules(seal=SEAL, remote=SERVICE, reserve=0)
    async with sealing_process(bsre.settings) as sealing, signing(tmp_path, office, rules, sealing=sealing) as found:
        await until(lambda: found.session.story.document.step is DocumentStep.SEALED, 30)
        token = found.desk.link(0)
        told = await found.desk.signer(token, SecretStr(PERSONAL_NUMBER))
        assert told.state is CertificateState.ISSUE
        signed = await found.desk.sign(token, wish())
        assert signed.state is Legal.VALID
        await found.until(Legal.VALID)
        await until(lambda: found.session.story.document.upgrade == "done", 30)
        await found.until_judged()
        verdict = found.session.story.document.verdict
        assert verdict is not None
        assert verdict.passed
        assert len(verdict.signatures) == 2
    for file in (tmp_path / "one").iterdir():
        content = file.read_bytes()
        assert PHRASE.encode() not in content, file.name
        if file.suffix != ".pdf":
            assert PERSONAL_NUMBER.encode() not in content, file.name
    assert PHRASE not in caplog.text
    assert PERSONAL_NUMBER not in caplog.text


async def test_an_unknown_outcome_is_never_asked_again_by_itself(tmp_path: Path, office: Office, bsre: Bsre) -> None:
    """BSrE signs and cuts the line: unknown, nothing more is sent, also not by another tap; a person says that there is none, and it may be asked."""
    rules = Rules(remote=SERVICE, seal_level=Level.B_T, reserve=0)
    async with sealing_process(bsre.settings) as sealing, signing(tmp_path, office, rules, sealing=sealing) as found:
        await found.until(Legal.WAITING)
        token = found.desk.link(0)
        bsre.simulator.faults.drop = True
        lost = await found.desk.sign(token, wish())
        assert (lost.state, lost.code) == (Legal.LATER, SigningCode.UNKNOWN_OUTCOME)
        asked = len(bsre.simulator.calls)
        with pytest.raises(ProblemError) as error:
            await found.desk.sign(token, wish())
        assert error.value.problem.code is ErrorCode.BLOCKED
        assert len(bsre.simulator.calls) == asked
        bsre.simulator.faults.drop = False
        await found.desk.again(0, "Protokol")
        assert (await found.desk.sign(token, wish())).state is Legal.VALID
        await found.until(Legal.VALID)


async def test_the_lost_file_is_found_at_the_service(tmp_path: Path, office: Office, bsre: Bsre) -> None:
    """A person brings the signed file: taken when it continues ours; ours unchanged, or somebody else's, is refused."""
    rules = Rules(remote=SERVICE, seal_level=Level.B_T, reserve=0)
    async with sealing_process(bsre.settings) as sealing, signing(tmp_path, office, rules, sealing=sealing) as found:
        await found.until(Legal.WAITING)
        bsre.simulator.faults.garble = True
        await found.desk.sign(found.desk.link(0), wish())
        ours = found.pdf()
        theirs = await office.seal(ours, Level.B_T)
        other = await office.seal(berita_acara(), Level.B_T)
        for wrong in (ours, other, theirs[:-2000], theirs.replace(b"/Page", b"/Pagf", 1)):
            with pytest.raises(ProblemError):
                await found.desk.adopt(0, wrong, "Protokol")
        await found.desk.adopt(0, theirs, "Protokol")
        await found.until(Legal.VALID)


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("fail", SigningCode.UNKNOWN_OUTCOME),
        ("down", SigningCode.UNREACHABLE),
        ("phrase", SigningCode.WRONG_PASSPHRASE),
    ],
)
async def test_what_bsre_says_is_told(
    tmp_path: Path, office: Office, bsre: Bsre, fault: str, code: SigningCode
) -> None:
    """HTTP 500: nobody knows. Refused connection: nothing was signed. Wrong passphrase: certain."""
    rules = Rules(remote=SERVICE, seal_level=Level.B_T, reserve=0)
    if fault == "down":
        text = bsre.settings.read_text().replace(bsre.simulator.url, f"http://{HOST}:{free_port()}")
        bsre.settings.write_text(text)
    bsre.simulator.faults.fail = fault == "fail"
    async with sealing_process(bsre.settings) as sealing, signing(tmp_path, office, rules, sealing=sealing) as found:
        await found.until(Legal.WAITING)
        told = await found.desk.sign(found.desk.link(0), wish("salah" if fault == "phrase" else PHRASE))
        assert (told.state, told.code) == (Legal.LATER, code)
        assert found.session.story.document.recorded


async def test_a_restart_between_question_and_answer_knows_nothing(tmp_path: Path, office: Office, bsre: Bsre) -> None:
    """The server ends after it has asked: the next life says unknown for the person's signature, and asks nobody by itself."""
    rules = Rules(remote=SERVICE, seal_level=Level.B_T, reserve=0)
    async with sealing_process(bsre.settings) as sealing:
        async with signing(tmp_path, office, rules, sealing=sealing) as found:
            await found.until(Legal.WAITING)
            await found.session.record("asked", {"signatory": 0, "how": "remote:bsre", "sha256": "0" * 64})
        asked = len(bsre.simulator.calls)
        async with signing(tmp_path, office, rules, sealing=sealing, signed=False) as found:
            (wanted,) = found.session.story.document.signatures
            assert wanted.code is SigningCode.UNKNOWN_OUTCOME
            await asyncio.sleep(0.3)
            assert len(bsre.simulator.calls) == asked


async def test_two_signatories_sign_one_file(tmp_path: Path, office: Office, bsre: Bsre) -> None:
    """Both by BSrE, one after the other; legal only when both have signed; each version begins with the one before."""
    second = "3578010101700002"
    bsre.simulator.accounts[second] = Account(office.authority.issue("Ir. Budi Santoso"), PHRASE)
    rules = Rules(remote=SERVICE, seal_level=Level.B_T, reserve=0)
    async with (
        sealing_process(bsre.settings) as sealing,
        signing(tmp_path, office, rules, sealing=sealing, text=TEXT) as found,
    ):
        await found.until(Legal.WAITING)
        assert (await found.desk.sign(found.desk.link(0), wish())).state is Legal.VALID
        assert found.session.story.document.legal is Legal.WAITING
        other = SignTask(signer=SecretStr(second), passphrase=SecretStr(PHRASE))
        assert (await found.desk.sign(found.desk.link(1), other)).state is Legal.VALID
        await found.until(Legal.VALID)
        story, folder = found.session.story, tmp_path / "one"
        versions = [archive.version(folder, story, number) for number in range(len(story.files))]
    assert all(after.startswith(before) for before, after in pairwise(versions) if before and after)
