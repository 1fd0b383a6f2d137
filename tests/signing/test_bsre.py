"""The BSrE v2 adapter against the simulator, over real HTTP: what is signed, refused, unreachable, and what nobody knows."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import aiohttp
import pytest
from pydantic import SecretStr

from smartroom.protocol.signing import (
    Ask,
    CertificateState,
    Failed,
    Level,
    Placement,
    RemoteCode,
    RemoteOpinion,
    RemoteSeal,
    RemoteSign,
    RemoteState,
    RemoteStatus,
    RemoteVerify,
    Sealed,
    SigningCode,
    Told,
    UpgradeDocument,
)
from smartroom.protocol.verdict import Finding
from smartroom.signing import limits
from smartroom.signing.errors import SigningFault
from smartroom.signing.remote.bsre import BsreSigner, watch_sending
from smartroom.signing.seal.house import House
from smartroom.signing.settings import load_settings
from smartroom.signing.testing.bsre import Account, BsreSimulator, run_bsre
from smartroom.signing.testing.house import SERVICE, furnish
from smartroom.signing.testing.services import Services
from smartroom.signing.verify.judge import judge
from tests.ports import free_port
from tests.signing.rig import HOST, PERSONAL_NUMBER, Office, berita_acara

MAYOR, MAIL, AGENCY = PERSONAL_NUMBER, "wali.kota@kota-uji.example", "instansi-uji"
PHRASE = "frasa-wali-kota"
# One transparent pixel.
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360606060000000050001a5f645400000000049454e44ae426082"
)


@dataclass(frozen=True, slots=True)
class Desk:
    """The sealing process's inside, and the simulator it talks to."""

    house: House
    bsre: BsreSimulator

    async def ask(self, ask: Ask, blob: bytes = b"") -> tuple[Told, bytes]:
        """An answer and its file."""
        return await self.house.answer(ask, blob)

    async def sign(self, pdf: bytes | None = None, phrase: str = PHRASE, signer: str = MAYOR) -> tuple[Told, bytes]:
        """Sign with a passphrase."""
        ask = RemoteSign(service=SERVICE, signer=SecretStr(signer), passphrase=SecretStr(phrase), reason="Peresmian")
        return await self.ask(ask, berita_acara() if pdf is None else pdf)


@asynccontextmanager
async def desk_for(office: Office, folder: Path, simulator: BsreSimulator) -> AsyncIterator[Desk]:
    """A house configured for a simulator, running or not."""
    house = furnish(folder, office.authority, bsre=(simulator.url, simulator.user, simulator.password))
    async with House(load_settings(house.settings)) as opened:
        yield Desk(opened, simulator)


@pytest.fixture
def simulator(office: Office) -> BsreSimulator:
    """A simulator with a mayor by NIK and by mail, an agency, and people who cannot sign; not started."""
    port = free_port()
    mayor = Account(office.mayor, PHRASE)
    accounts = {
        MAYOR: mayor,
        MAIL: mayor,
        AGENCY: Account(office.authority.issue("Segel Instansi"), ""),
        "1111222233334444": Account(None, "", "NO_CERTIFICATE"),
        "5555666677778888": Account(office.mayor, PHRASE, "EXPIRED"),
        "9999000011112222": Account(office.mayor, PHRASE, "REVOKE"),
    }
    return BsreSimulator(f"http://{HOST}:{port}", office.authority, accounts=accounts)


@pytest.fixture
async def desk(office: Office, services: Services, simulator: BsreSimulator, tmp_path: Path) -> AsyncIterator[Desk]:
    """Everything running."""
    port = int(simulator.url.rpartition(":")[2])
    async with run_bsre(simulator, HOST, port), desk_for(office, tmp_path, simulator) as opened:
        yield opened


def failed(told: Told) -> Failed:
    """The failure; an answer of another kind is one of the test's own."""
    assert isinstance(told, Failed), told
    return told


async def test_a_person_signs_and_we_raise_the_file(office: Office, desk: Desk) -> None:
    """Signed by passphrase the file is B-T, as real ones are; our upgrade makes it B-LTA with its beginning untouched."""
    told, signed = await desk.sign()
    assert isinstance(told, Sealed)
    assert told.level is None
    assert told.extends
    assert (await judge(signed, office.wish())).signatures[0].level is Level.B_T
    raised, upgraded = await desk.ask(UpgradeDocument(), signed)
    assert isinstance(raised, Sealed)
    verdict = await judge(upgraded, office.wish())
    assert verdict.passed
    assert verdict.time.finding is Finding.GUARANTEED


async def test_a_person_signs_with_a_one_time_code(office: Office, desk: Desk) -> None:
    """The code asked for is good once; a second use, and a wrong one, are refused."""
    await desk.ask(RemoteCode(service=SERVICE, signer=SecretStr(MAIL)))
    ask = RemoteSign(service=SERVICE, signer=SecretStr(MAIL), totp=SecretStr(desk.bsre.accounts[MAIL].totp))
    told, signed = await desk.ask(ask, berita_acara())
    assert isinstance(told, Sealed)
    assert (await judge(signed, office.wish())).passed
    assert failed((await desk.ask(ask, berita_acara()))[0]).code is SigningCode.REFUSED


async def test_the_agencys_seal(office: Office, desk: Desk) -> None:
    """The electronic seal needs the agency's code and no person's passphrase."""
    agency = desk.bsre.accounts[AGENCY]
    agency.totp = "123456"
    ask = RemoteSeal(service=SERVICE, signer=SecretStr(AGENCY), totp=SecretStr(agency.totp))
    told, signed = await desk.ask(ask, berita_acara())
    assert isinstance(told, Sealed)
    assert (await judge(signed, office.wish())).signatures[0].signer == "Segel Instansi"


async def test_a_visible_picture_travels(desk: Desk) -> None:
    """A placement with its PNG is accepted where staff demand a visible signature."""
    placement = Placement(page=1, x=10, y=10, width=50, height=20, png=PNG)
    ask = RemoteSign(service=SERVICE, signer=SecretStr(MAYOR), passphrase=SecretStr(PHRASE), placement=placement)
    assert RemoteSign.model_validate_json(ask.model_dump_json()) == ask
    told, _ = await desk.ask(ask, berita_acara())
    assert isinstance(told, Sealed)


@pytest.mark.parametrize(
    ("signer", "state"),
    [
        (MAYOR, CertificateState.ISSUE),
        ("0000000000000000", CertificateState.NOT_REGISTERED),
        ("1111222233334444", CertificateState.NO_CERTIFICATE),
        ("5555666677778888", CertificateState.EXPIRED),
        ("9999000011112222", CertificateState.REVOKE),
    ],
)
async def test_states(desk: Desk, signer: str, state: CertificateState) -> None:
    """Every state the service knows comes through as itself."""
    told, _ = await desk.ask(RemoteStatus(service=SERVICE, signer=SecretStr(signer)))
    assert isinstance(told, RemoteState)
    assert told.state is state


async def test_a_clock_that_is_off_is_said(desk: Desk) -> None:
    """Five minutes and 47 seconds, as once seen, stand in the status a technician reads."""
    desk.bsre.faults.clock = timedelta(minutes=5, seconds=47)
    told, _ = await desk.ask(RemoteStatus(service=SERVICE, signer=SecretStr(MAYOR)))
    assert isinstance(told, RemoteState)
    assert "clock is +34" in told.said


async def test_what_the_service_says_of_files(desk: Desk) -> None:
    """Its conclusion and count come through, for a signed and an unsigned file."""
    _, signed = await desk.sign()
    for pdf, expected in ((signed, ("VALID", 1)), (berita_acara(), ("NO_SIGNATURE", 0))):
        told, _ = await desk.ask(RemoteVerify(service=SERVICE), pdf)
        assert isinstance(told, RemoteOpinion)
        assert (told.conclusion, told.signatures) == expected


@pytest.mark.parametrize(
    ("phrase", "signer", "code"),
    [
        ("salah", MAYOR, SigningCode.WRONG_PASSPHRASE),
        (PHRASE, "0000000000000000", SigningCode.NOT_REGISTERED),
        ("", "1111222233334444", SigningCode.NO_CERTIFICATE),
        (PHRASE, "5555666677778888", SigningCode.NO_CERTIFICATE),
    ],
)
async def test_refusals(desk: Desk, phrase: str, signer: str, code: SigningCode) -> None:
    """A refusal is certain: it has its own code, and nothing was signed. No NIK comes back."""
    told, _ = await desk.sign(phrase=phrase, signer=signer)
    assert failed(told).code is code
    assert signer not in failed(told).sentence
    assert desk.bsre.signed == 0


@pytest.mark.parametrize("fault", ["hang", "drop", "garble", "fail"])
async def test_after_sending_silence_is_an_unknown_outcome(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    """No answer, a cut line, an answer without a file, HTTP 500: it may have signed, so it is asked exactly once."""
    monkeypatch.setattr("smartroom.signing.remote.bsre.limits.REMOTE_TIMEOUT_S", 0.6)
    setattr(desk.bsre.faults, fault, True)
    async with _session() as session:
        signer = BsreSigner(session, desk.bsre.url, desk.bsre.user, desk.bsre.password, rehearsal=False)
        ask = RemoteSign(service=SERVICE, signer=SecretStr(MAYOR), passphrase=SecretStr(PHRASE))
        with pytest.raises(SigningFault) as caught:
            await signer.sign(berita_acara(), ask)
    assert caught.value.code is SigningCode.UNKNOWN_OUTCOME
    assert desk.bsre.calls == ["/api/v2/sign/pdf"]
    if fault == "fail":
        assert desk.bsre.signed == 0
    else:  # signed all the same, some moments after we gave up
        async with asyncio.timeout(30):
            while desk.bsre.signed != 1:
                await asyncio.sleep(0.02)


async def test_a_question_without_answer_is_only_unreachable(desk: Desk) -> None:
    """HTTP 500 to a status question changes nothing there: it may be asked again."""
    desk.bsre.faults.fail = True
    told, _ = await desk.ask(RemoteStatus(service=SERVICE, signer=SecretStr(MAYOR)))
    assert failed(told).code is SigningCode.UNREACHABLE


async def test_slow_is_not_broken(desk: Desk) -> None:
    """Half a second more than usual is waited for."""
    desk.bsre.faults.delay = 0.5
    told, _ = await desk.sign()
    assert isinstance(told, Sealed)


async def test_nobody_there(office: Office, simulator: BsreSimulator, tmp_path: Path) -> None:
    """A refused connection means that nothing was sent: UNREACHABLE, and never an unknown outcome."""
    async with desk_for(office, tmp_path, simulator) as desk:
        assert failed((await desk.sign())[0]).code is SigningCode.UNREACHABLE


async def test_a_wrong_application_password(desk: Desk) -> None:
    """HTTP 401 is for the technician, not for the mayor."""
    desk.bsre.password = "lain"
    assert failed((await desk.sign())[0]).code is SigningCode.CONFIGURATION
    assert desk.bsre.signed == 0


@pytest.mark.parametrize("pdf", [b"", b"%PDF-1.7\nrusak"])
async def test_a_broken_file_never_leaves(desk: Desk, pdf: bytes) -> None:
    """Its own answer would be HTTP 500, which nobody could tell from a crash: we look first."""
    assert failed((await desk.sign(pdf))[0]).code is SigningCode.BAD_PDF
    assert desk.bsre.calls == []


async def test_a_rehearsals_document_never_leaves(desk: Desk) -> None:
    """GLADI does not reach a real service, and a real document does not reach a rehearsal's."""
    assert failed((await desk.sign(berita_acara(rehearsal=True)))[0]).code is SigningCode.REHEARSAL
    assert desk.bsre.calls == []


async def test_plain_http_must_be_wanted(office: Office, simulator: BsreSimulator, tmp_path: Path) -> None:
    """Without `plain_http = true` a process with an http:// service does not start."""
    house = furnish(tmp_path, office.authority, bsre=(simulator.url, simulator.user, simulator.password))
    house.settings.write_text(house.settings.read_text().replace("plain_http = true\n", ""))
    with pytest.raises(SigningFault, match="in the clear"):
        async with House(load_settings(house.settings)):
            pass


async def test_the_certificate_chain_and_its_trap(desk: Desk) -> None:
    """The simulator answers the chain with three certificates, and an unknown id with a body that is not JSON."""
    headers = {"Authorization": aiohttp.encode_basic_auth(desk.bsre.user, desk.bsre.password)}
    url = f"{desk.bsre.url}/api/v2/user/certificate/chain"
    async with aiohttp.ClientSession(headers=headers) as session:
        async with session.get(f"{url}/{MAYOR}") as answer:
            assert len(await answer.json()) == 3
        async with session.get(f"{url}/0") as answer:
            assert answer.status == 400
            assert await answer.text() == "Bad Request"


def _session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(trace_configs=[watch_sending()])


def test_limits_leave_room_for_slow_verification() -> None:
    """Verification was seen to take 43 s; signing about one."""
    assert limits.REMOTE_VERIFY_TIMEOUT_S > 2 * 43
