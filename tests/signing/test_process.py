"""The real sealing process on its socket: what it signs, what it refuses and with which code, and what it never says."""

import asyncio
import contextlib
import os
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from smartroom.control.ceremony.sealing import SealingProcess
from smartroom.protocol.blobs import LENGTHS, pack, read
from smartroom.protocol.signing import (
    Answer,
    AskKeys,
    CertificateState,
    Failed,
    HeadSigned,
    HeadStatement,
    Keys,
    Level,
    RemoteStatus,
    Request,
    SealDocument,
    Sealed,
    SignHead,
    SigningCode,
    UpgradeDocument,
)
from smartroom.signing.errors import SigningFault
from smartroom.signing.seal.heads import head_holds
from smartroom.signing.seal.house import House
from smartroom.signing.seal.service import serve_path
from smartroom.signing.settings import load_settings
from smartroom.signing.testing.authority import Issued
from smartroom.signing.testing.house import PASSPHRASE, REHEARSAL, SEAL, SIGNER, TestHouse, furnish
from smartroom.signing.testing.services import Services
from smartroom.signing.verify.judge import judge
from tests.ports import free_port
from tests.signing.rig import HOST, PERSONAL_NUMBER, Office, berita_acara, make_office, sealing_process

PLANTED = "frasa-sandi-yang-ditanam-7731"


def seal(
    level: Level = Level.B_B, key: str = SIGNER, passphrase: str | None = PASSPHRASE, **more: bool
) -> SealDocument:
    """A request to seal."""
    secret = None if passphrase is None else SecretStr(passphrase)
    return SealDocument(key=key, level=level, passphrase=secret, rehearsal=more.get("rehearsal", False))


async def refused(client: SealingProcess, ask: SealDocument | UpgradeDocument, pdf: bytes) -> SigningCode:
    """The code of a request that must fail."""
    told, blob = await client.ask(ask, pdf)
    assert isinstance(told, Failed), told
    assert blob == b""
    return told.code


@asynccontextmanager
async def process_for(office: Office, folder: Path, signer: Issued) -> AsyncIterator[SealingProcess]:
    """A sealing process whose mayor has another certificate."""
    async with sealing_process(furnish(folder, office.authority, signer=signer).settings) as client:
        yield client


async def test_it_seals_upgrades_and_signs_heads(office: Office, services: Services) -> None:
    """One process, side by side: a file at B-T, its upgrade to B-LTA, keys told, a journal head signed."""
    statement = HeadStatement(journal="peresmian-1", sequence=41, head="ab" * 32, at=datetime.now(UTC))
    async with sealing_process(office.house.settings) as client:
        (told, sealed), (head, _), (keys, _) = await asyncio.gather(
            client.ask(seal(Level.B_T), berita_acara()),
            client.ask(SignHead(statement=statement)),
            client.ask(AskKeys()),
        )
        assert isinstance(told, Sealed)
        assert told.extends
        raised, upgraded = await client.ask(UpgradeDocument(), sealed)
    assert isinstance(raised, Sealed)
    assert upgraded.startswith(sealed)
    assert (await judge(upgraded, office.wish())).passed
    assert isinstance(head, HeadSigned)
    assert isinstance(keys, Keys)
    assert head_holds(head)
    assert head.public_key == keys.head_key


async def test_the_head_key_outlives_the_process_and_binds_every_word(office: Office) -> None:
    """A second process signs with the same key; a changed sequence, head, time or journal no longer holds."""
    statement = HeadStatement(journal="peresmian-1", sequence=7, head="cd" * 32, at=datetime.now(UTC))
    told = []
    for _ in range(2):
        async with sealing_process(office.house.settings) as client:
            answer, _ = await client.ask(SignHead(statement=statement))
            assert isinstance(answer, HeadSigned)
            told.append(answer)
    assert told[0] == told[1]
    changes = {
        "sequence": 8,
        "head": "ce" * 32,
        "journal": "peresmian-2",
        "at": statement.at + timedelta(microseconds=1),
    }
    for field, value in changes.items():
        forged = told[0].model_copy(update={"statement": statement.model_copy(update={field: value})})
        assert not head_holds(forged), field


async def test_keys_and_their_states(office: Office, services: Services) -> None:
    """Each key's subject, issuer and state is told without a passphrase; revoked is known only when asked online."""
    async with sealing_process(office.house.settings) as client:
        offline, _ = await client.ask(AskKeys())
        online, _ = await client.ask(AskKeys(online=True))
    assert isinstance(offline, Keys)
    assert isinstance(online, Keys)
    assert {key.name: key.state for key in offline.keys} == dict.fromkeys(
        (SIGNER, SEAL, REHEARSAL), CertificateState.ISSUE
    )
    assert offline.keys == online.keys
    assert [key.asks_passphrase for key in offline.keys] == [True, False, False]


async def test_wrong_passphrases_are_counted(office: Office) -> None:
    """Five wrong ones in a row close the key for a minute, even for the right one; another key still signs."""
    async with sealing_process(office.house.settings) as client:
        for _ in range(5):
            assert await refused(client, seal(passphrase="salah"), berita_acara()) is SigningCode.WRONG_PASSPHRASE
        assert await refused(client, seal(), berita_acara()) is SigningCode.BUSY
        told, _ = await client.ask(seal(key=SEAL, passphrase=None), berita_acara())
        assert isinstance(told, Sealed)


REFUSED: list[tuple[SealDocument | UpgradeDocument, bytes | None, SigningCode]] = [
    (seal(passphrase=None), None, SigningCode.WRONG_PASSPHRASE),
    (seal(key="tidak-ada"), None, SigningCode.NO_KEY),
    (seal(key=REHEARSAL, passphrase=None), None, SigningCode.REHEARSAL),
    (seal(key=SEAL, passphrase=None, rehearsal=True), None, SigningCode.REHEARSAL),
    (seal(key=REHEARSAL, passphrase=None, rehearsal=True), None, SigningCode.REHEARSAL),
    (seal(), b"%PDF-1.7\nbukan", SigningCode.BAD_PDF),
    (seal(), b"", SigningCode.BAD_PDF),
    (UpgradeDocument(), None, SigningCode.BAD_PDF),
]


async def test_what_it_refuses(office: Office) -> None:
    """No passphrase, no key, rehearsal and record mixed, no PDF, nothing to upgrade: each has its code, and the process goes on."""
    async with sealing_process(office.house.settings) as client:
        for ask, pdf, code in REFUSED:
            assert await refused(client, ask, berita_acara() if pdf is None else pdf) is code


async def test_a_rehearsals_document_takes_only_a_rehearsals_key(office: Office) -> None:
    """The GLADI mark in the file decides, whatever the request says."""
    async with sealing_process(office.house.settings) as client:
        told, _ = await client.ask(seal(key=REHEARSAL, passphrase=None, rehearsal=True), berita_acara(rehearsal=True))
        assert isinstance(told, Sealed)
        assert (
            await refused(client, seal(key=SEAL, passphrase=None), berita_acara(rehearsal=True))
            is SigningCode.REHEARSAL
        )


async def test_certificates_out_of_date(office: Office, tmp_path: Path) -> None:
    """An expired certificate and one not valid yet are refused before anything is signed."""
    now = datetime.now(UTC)
    expired = office.authority.issue("Kedaluwarsa", now=now - timedelta(days=800))
    future = office.authority.issue("Belum Berlaku", now=now + timedelta(days=10))
    async with process_for(office, tmp_path / "a", expired) as client:
        assert await refused(client, seal(), berita_acara()) is SigningCode.EXPIRED
        keys, _ = await client.ask(AskKeys())
        assert isinstance(keys, Keys)
        assert keys.keys[0].state is CertificateState.EXPIRED
    async with process_for(office, tmp_path / "b", future) as client:
        assert await refused(client, seal(), berita_acara()) is SigningCode.NOT_YET_VALID


async def test_a_revoked_certificate(office: Office, services: Services, tmp_path: Path) -> None:
    """The pre-check says so, and no file is sealed at a level that asks the authority; the person's number is not told."""
    revoked = office.authority.issue("Dicabut", personal_number=PERSONAL_NUMBER)
    office.authority.revoke(revoked.certificate)
    async with process_for(office, tmp_path, revoked) as client:
        told, _ = await client.ask(seal(Level.B_LT), berita_acara())
        assert isinstance(told, Failed)
        assert told.code is SigningCode.REVOKED
        assert PERSONAL_NUMBER not in told.sentence
        keys, _ = await client.ask(AskKeys(online=True))
    assert isinstance(keys, Keys)
    assert keys.keys[0].state is CertificateState.REVOKE


async def test_services_down(office: Office) -> None:
    """With nobody answering, B-B still seals, and each higher level is UNREACHABLE."""
    async with sealing_process(office.house.settings) as client:
        told, sealed = await client.ask(seal(), berita_acara())
        assert isinstance(told, Sealed)
        for level in (Level.B_T, Level.B_LT, Level.B_LTA):
            assert await refused(client, seal(level), berita_acara()) is SigningCode.UNREACHABLE
        assert await refused(client, UpgradeDocument(), sealed) is SigningCode.UNREACHABLE


@pytest.mark.parametrize("fault", ["tsa", "ocsp"])
async def test_a_service_that_fails(office: Office, services: Services, fault: str) -> None:
    """HTTP 503 from the timestamp unit or the responder leaves no half-sealed file, and a later try succeeds."""
    async with sealing_process(office.house.settings) as client:
        setattr(services.faults, fault, 503)
        assert await refused(client, seal(Level.B_LTA), berita_acara()) is SigningCode.UNREACHABLE
        setattr(services.faults, fault, 0)
        told, _ = await client.ask(seal(Level.B_LTA), berita_acara())
    assert isinstance(told, Sealed)


async def test_b_b_sealed_offline_is_raised_later(office: Office) -> None:
    """The ceremony never waits: sealed with no network, the file gets its data and document timestamp when there is one."""
    async with sealing_process(office.house.settings) as client:
        _, sealed = await client.ask(seal(), berita_acara())
        async with office.open():
            told, raised = await client.ask(UpgradeDocument(), sealed)
    assert isinstance(told, Sealed)
    verdict = await judge(raised, office.wish())
    assert verdict.passed
    assert verdict.signatures[0].stamped_at is not None


async def test_a_certificate_cannot_send_us_anywhere(tmp_path: Path) -> None:
    """A certificate whose OCSP address is not among the configured hosts is not asked about: that address is never connected to."""
    met: list[str] = []

    async def trap(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        met.append("connected")
        writer.close()

    office = make_office(tmp_path / "office")
    port = free_port()
    strange = make_office(tmp_path / "strange").authority
    strange.url = f"http://{HOST}:{port}"
    moved = type(office.authority)(
        office.authority.root,
        office.authority.intermediate,
        office.authority.responder,
        office.authority.stamper,
        strange.url,
    )
    lured = moved.issue("Terpancing")
    async with (
        await asyncio.start_server(trap, HOST, port),
        office.open(),
        process_for(office, tmp_path / "house", lured) as client,
    ):
        assert await refused(client, seal(Level.B_LT), berita_acara()) is SigningCode.UNREACHABLE
    assert met == []


async def test_a_planted_passphrase_is_nowhere(office: Office, tmp_path: Path) -> None:
    """Right or wrong, in a request that fails or is not understood: the passphrase stands in no log line, answer or dump of the request."""
    house = furnish(tmp_path, office.authority)
    log = tmp_path / "log"
    frames = [
        pack(Request(id=1, ask=seal(passphrase=PLANTED)), berita_acara()),
        pack(Request(id=2, ask=seal(passphrase=PLANTED)), b"bukan pdf"),
        pack(b'{"id":3,"ask":{"ask":"seal","key":"wali-kota","level":"b-z","passphrase":"%s"}}' % PLANTED.encode()),
        pack(b'{"id":4,"ask":{"ask":"seal","passphrase":{"x":"%s"}}}' % PLANTED.encode()),
        pack(Request(id=5, ask=RemoteStatus(service="tidak-ada", signer=SecretStr(PLANTED)))),
    ]
    answers, said = await _talk(house, frames, log)
    assert len(answers) == len(frames)
    assert all(isinstance(answer.tell, Failed) for answer in answers)
    assert PLANTED not in said + "".join(answer.model_dump_json() for answer in answers)
    assert PLANTED not in repr(seal(passphrase=PLANTED))
    assert "wrong_passphrase" in said


@pytest.mark.parametrize("noise", [b"GET / HTTP/1.1\r\n\r\n", LENGTHS.pack(1 << 31, 0), b"\0\0\0\5\0\0\0\0hello"])
async def test_noise_is_cut_off_or_refused(office: Office, tmp_path: Path, noise: bytes) -> None:
    """A peer that speaks something else gets a refusal or the end of the line; the process survives to end by itself."""
    house = furnish(tmp_path, office.authority)
    answers, _ = await _talk(house, [noise], tmp_path / "log")
    assert all(isinstance(answer.tell, Failed) and answer.tell.code is SigningCode.INVALID for answer in answers)


async def test_a_socket_in_the_file_system_asks_who_comes(office: Office, tmp_path: Path) -> None:
    """Listening on a path, it serves this user and is closed to the world."""
    path = tmp_path / "seal.sock"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "smartroom.signing", "seal"),
        *("--settings", str(office.house.settings), "--socket", str(path)),
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(20):
            while not await asyncio.to_thread(path.exists):
                await asyncio.sleep(0.02)
        assert os.stat(path).st_mode & 0o007 == 0  # noqa: PTH116  # one call on a local file
        reader, writer = await asyncio.open_unix_connection(path)
        writer.write(pack(Request(id=9, ask=AskKeys())))
        answer = Answer.model_validate_json((await read(reader)).message)
        assert isinstance(answer.tell, Keys)
        writer.close()
    finally:
        process.terminate()
        await process.wait()


async def test_another_users_connection_is_closed(office: Office, tmp_path: Path) -> None:
    """A uid that is not on the list gets the end of the line before a word is read."""
    path = tmp_path / "seal.sock"
    async with House(load_settings(office.house.settings)) as house, asyncio.TaskGroup() as tasks:
        serving = tasks.create_task(serve_path(house, path, frozenset({os.getuid() + 1})))
        while not await asyncio.to_thread(path.exists):
            await asyncio.sleep(0)
        reader, writer = await asyncio.open_unix_connection(path)
        writer.write(pack(Request(id=9, ask=AskKeys())))
        with contextlib.suppress(ConnectionResetError):
            assert await reader.read() == b""
        writer.close()
        serving.cancel()


WRONG = [
    ("[keys.x]\n", "keys.x.file"),
    ("unknown = 1\n", "unknown"),
    ("= 3\n", "signing.toml"),
    ('[remote.b]\nurl = "http://b.example"\nuser = "u"\npassword_file = "p"\n', "in the clear"),
    ('[trust]\nroots = ["tidak-ada.pem"]\n', "tidak-ada.pem"),
]


@pytest.mark.parametrize(("change", "said"), WRONG)
async def test_a_wrong_settings_file_is_one_sentence(tmp_path: Path, change: str, said: str) -> None:
    """The sentence names the place that is wrong."""
    file = tmp_path / "signing.toml"
    await asyncio.to_thread(file.write_text, change)
    with pytest.raises(SigningFault) as caught:
        async with House(load_settings(file)):
            pass
    assert caught.value.code is SigningCode.CONFIGURATION
    assert said in caught.value.sentence
    assert "\n" not in caught.value.sentence


async def test_a_process_with_a_wrong_file_does_not_start(tmp_path: Path) -> None:
    """It ends with status 2 and one line on its log."""
    file = tmp_path / "signing.toml"
    await asyncio.to_thread(file.write_text, "unknown = 1\n")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "smartroom.signing", "seal", "--settings", str(file), "--socket", str(tmp_path / "s")),
        stderr=asyncio.subprocess.PIPE,
    )
    _, words = await process.communicate()
    assert process.returncode == 2
    assert len(words.decode().strip().splitlines()) == 1


async def test_a_secret_others_may_read_is_refused(office: Office, tmp_path: Path) -> None:
    """The passphrase file of the agency seal must be 0600."""
    house = furnish(tmp_path, office.authority)
    (tmp_path / "segel.pass").chmod(0o644)
    async with sealing_process(house.settings) as client:
        assert await refused(client, seal(key=SEAL, passphrase=None), berita_acara()) is SigningCode.CONFIGURATION


async def _talk(house: TestHouse, frames: list[bytes], log: Path) -> tuple[list[Answer], str]:
    """All answers to these bytes until the process ends, and its whole log."""
    ours, theirs = socket.socketpair()
    with log.open("wb") as file, theirs:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "smartroom.signing", "seal", "--settings", str(house.settings)),
            *("--fd", str(theirs.fileno())),
            pass_fds=[theirs.fileno()],
            stderr=file,
        )
    reader, writer = await asyncio.open_unix_connection(sock=ours)
    answers: list[Answer] = []
    async with asyncio.timeout(30):
        for frame in frames:
            writer.write(frame)
        writer.write_eof()
        try:
            while True:
                answers.append(Answer.model_validate_json((await read(reader)).message))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        writer.close()
        await process.wait()
    return answers, await asyncio.to_thread(log.read_text)
