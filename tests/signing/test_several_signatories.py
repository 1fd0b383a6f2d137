"""Several people sign one document, each with a key of their own; the last one closes it."""

from pathlib import Path

from smartroom.protocol.signing import Level
from smartroom.protocol.verdict import Finding
from smartroom.signing.seal import pades
from smartroom.signing.seal.outbound import Outbound
from smartroom.signing.settings import load_settings
from smartroom.signing.testing.authority import Issued
from smartroom.signing.testing.bsre import signer_of
from smartroom.signing.verify.judge import judge
from tests.signing.rig import Office, berita_acara, make_office


async def seal_further(office: Office, pdf: bytes, signer: Issued) -> bytes:
    """Seal at B-T, leaving room for the next signatory."""
    async with Outbound(load_settings(office.house.settings)) as services:
        return await pades.sign(pdf, signer_of(signer), pades.Wish(Level.B_T, further=True), services)


async def test_two_people_sign_and_both_are_seen(office: Office, services: object) -> None:
    """Mayor, then secretary, then the upgrade: both signatures intact, named in order, the whole file guaranteed."""
    once = await seal_further(office, berita_acara(), office.mayor)
    twice = await office.seal(once, Level.B_T, office.authority.issue("Ir. Budi Santoso"))
    assert twice.startswith(once)
    verdict = await judge(await office.upgrade(twice, Level.B_LTA), office.wish())
    assert verdict.passed
    assert [seen.signer for seen in verdict.signatures] == ["Dr. Siti Rahmawati, M.Si.", "Ir. Budi Santoso"]
    assert verdict.time.finding is Finding.GUARANTEED


async def test_one_unknown_signatory_spoils_the_whole(office: Office, services: object, tmp_path: Path) -> None:
    """Each line is the worst of all signatures': a second one by a stranger's certificate, on a document left open, leaves no pass."""
    stranger = make_office(tmp_path).authority.issue("Orang Lain")
    twice = await office.seal(await seal_further(office, berita_acara(), office.mayor), Level.B_B, stranger)
    verdict = await judge(twice, office.wish())
    assert verdict.known.finding is Finding.UNKNOWN_ISSUER
    assert verdict.signatures[0].known.finding is Finding.KNOWN_UNREVOKED_UNPROVEN
    assert not verdict.passed
