"""Agreement with programs of other people: Debian's pdfsig on signatures, OpenSSL on our test authority's answers."""

import asyncio
import re
import sys
from pathlib import Path

import aiohttp
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509 import ocsp

from smartroom.signing.testing.authority import pem
from smartroom.signing.testing.services import Services
from tests.signing.rig import Office
from tests.signing.test_tampering import flipped, ranges


async def run(*command: str | Path) -> tuple[int, str]:
    """Exit status and all words of a program."""
    process = await asyncio.create_subprocess_exec(
        *map(str, command), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said, _ = await process.communicate()
    return process.returncode or 0, said.decode(errors="replace")


def write(path: Path, data: bytes) -> Path:
    """A file with these bytes."""
    path.write_bytes(data)
    return path


@pytest.mark.needs("pdfsig")
@pytest.mark.parametrize("sample", ["b-b", "b-t", "b-lt", "b-lta", "raised-b-lt", "raised-b-lta"])
async def test_pdfsig_finds_our_signatures_valid(samples: dict[str, bytes], tmp_path: Path, sample: str) -> None:
    """An independent reader calls the signature of every level valid; for B-B and B-T it also says that all is signed."""
    _, said = await run("pdfsig", "-nocert", write(tmp_path / "sealed.pdf", samples[sample]))
    first = said.split("Signature #2")[0]
    assert "Signature is Valid." in first
    assert "ETSI.CAdES.detached" in first
    assert ("- Total document signed" in first) is (sample in {"b-b", "b-t"})


@pytest.mark.needs("pdfsig")
async def test_both_refuse_a_flipped_byte(office: Office, samples: dict[str, bytes], tmp_path: Path) -> None:
    """On a B-T file pdfsig and `smartroom verify` agree before and after a byte is flipped in the drawn content."""
    pdf = samples["b-t"]
    root = write(tmp_path / "root.pem", office.house.root.encode())
    intermediate = write(tmp_path / "intermediate.pem", office.house.intermediate.encode())
    verify = (sys.executable, "-m", "smartroom", "verify", "--root", root, "--intermediate", intermediate)
    whole = write(tmp_path / "whole.pdf", pdf)
    assert "Signature is Valid." in (await run("pdfsig", "-nocert", whole))[1]
    assert (await run(*verify, whole))[0] == 0
    at = pdf.index(b"stream") + 40
    assert ranges(pdf)[0][0] < at < ranges(pdf)[0][1]
    broken = flipped(pdf, at)
    _, said = await run("pdfsig", "-nocert", write(tmp_path / "broken.pdf", broken))
    assert "Digest Mismatch" in said
    assert (await run(*verify, tmp_path / "broken.pdf"))[0] == 1


@pytest.mark.needs("pdfsig")
async def test_a_printer_reads_two_pages(samples: dict[str, bytes], tmp_path: Path) -> None:
    """Poppler renders both pages of the sealed file and reads the text on them."""
    path = write(tmp_path / "sealed.pdf", samples["b-lta"])
    status, said = await run("pdftotext", "-layout", path, "-")
    assert status == 0
    assert re.search(r"BERITA ACARA PERESMIAN[\s\S]*\f[\s\S]*PRASASTI PERESMIAN", said)
    _, said = await run("pdfimages", "-list", path)
    assert len(said.splitlines()) == 2, "ink and QR code are vectors: no picture in the file"


@pytest.mark.needs("pdfsig", "zbarimg")
async def test_the_qr_code_can_be_scanned(samples: dict[str, bytes], tmp_path: Path) -> None:
    """From a 150 dpi print of either page a scanner reads the address of the verification page."""
    path = write(tmp_path / "sealed.pdf", samples["b-t"])
    await run("pdftoppm", "-r", "150", "-png", path, tmp_path / "page")
    for page in ("page-1.png", "page-2.png"):
        _, said = await run("zbarimg", "--quiet", "--raw", "--nodbus", tmp_path / page)
        assert said.strip() == "https://kota-uji.example/v/abcDEF12345"


@pytest.mark.needs("openssl")
async def test_openssl_accepts_our_timestamps(office: Office, services: Services, tmp_path: Path) -> None:
    """A token of the test timestamp unit verifies under `openssl ts` (RFC 3161), and not for other data."""
    data = write(tmp_path / "data", b"prasasti")
    other = write(tmp_path / "other", b"prasasti lain")
    root = write(tmp_path / "root.pem", pem(office.authority.root.certificate).encode())
    chain = write(tmp_path / "chain.pem", pem(office.authority.intermediate.certificate).encode())
    query, reply = tmp_path / "query", tmp_path / "reply"
    await run("openssl", "ts", "-query", "-data", data, "-sha256", "-cert", "-out", query)
    async with aiohttp.ClientSession() as session, session.post(services.tsa, data=query.read_bytes()) as answer:
        assert answer.content_type == "application/timestamp-reply"
        reply.write_bytes(await answer.read())
    verify = ("openssl", "ts", "-verify", "-in", reply, "-CAfile", root, "-untrusted", chain, "-data")
    assert (await run(*verify, data))[0] == 0
    assert (await run(*verify, other))[0] != 0


@pytest.mark.needs("openssl")
async def test_openssl_accepts_our_ocsp_answers(office: Office, services: Services, tmp_path: Path) -> None:
    """`openssl ocsp` gets a verified answer over HTTP: good, and revoked after revocation."""
    holder = office.authority.issue("Untuk OpenSSL")
    paths = {
        name: write(tmp_path / f"{name}.pem", pem(certificate).encode())
        for name, certificate in {
            "leaf": holder.certificate,
            "issuer": office.authority.intermediate.certificate,
            "root": office.authority.root.certificate,
        }.items()
    }
    ask = (
        *(
            "openssl",
            "ocsp",
            "-url",
            f"{office.authority.url}/ocsp",
            "-issuer",
            paths["issuer"],
            "-cert",
            paths["leaf"],
        ),
        *("-CAfile", paths["root"], "-verify_other", paths["issuer"]),
    )
    _, said = await run(*ask)
    assert "Response verify OK" in said
    assert "leaf.pem: good" in said
    office.authority.revoke(holder.certificate)
    _, said = await run(*ask)
    assert "leaf.pem: revoked" in said


async def test_the_responder_refuses_what_is_no_request(office: Office, services: Services) -> None:
    """Garbage to any service is HTTP 400, and a GET in base64 works like a POST."""
    async with aiohttp.ClientSession() as session:
        for path in ("ocsp", "tsa"):
            async with session.post(f"{office.authority.url}/{path}", data=b"garbage") as answer:
                assert answer.status == 400
        async with session.get(f"{office.authority.url}/ocsp/%21%21") as answer:
            assert answer.status == 400
        builder = ocsp.OCSPRequestBuilder().add_certificate(
            office.mayor.certificate, office.authority.intermediate.certificate, hashes.SHA256()
        )
        request = builder.build().public_bytes(serialization.Encoding.DER)
        async with session.post(f"{office.authority.url}/ocsp", data=request) as answer:
            response = ocsp.load_der_ocsp_response(await answer.read())
    assert response.certificate_status is ocsp.OCSPCertStatus.GOOD
