"""What was signed and then touched is found: every signed range, the gap beside it, and whatever is glued on."""

import random
from io import BytesIO
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.generic import pdf_name
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign.validation.dss import DocumentSecurityStore

from smartroom.protocol.signing import Level
from smartroom.protocol.verdict import Finding, Light
from smartroom.signing.verify.judge import judge
from smartroom.signing.verify.structure import der_length, gap_finding, tail_finding
from tests.signing.rig import Office, berita_acara, signatures

SAMPLES = ["b-b", "b-t", "b-lt", "b-lta", "renewed"]


def flipped(pdf: bytes, at: int, bit: int = 0) -> bytes:
    """The file with one bit turned over."""
    return pdf[:at] + bytes([pdf[at] ^ (1 << bit)]) + pdf[at + 1 :]


def ranges(pdf: bytes) -> list[tuple[int, int]]:
    """Both halves of every signature's byte range."""
    found = []
    for signature in signatures(pdf):
        start, first, second, rest = (int(each) for each in signature.byte_range)
        found += [(start, first), (second, second + rest)]
    return found


@pytest.mark.parametrize("sample", SAMPLES)
async def test_a_flip_in_each_signed_range(office: Office, samples: dict[str, bytes], sample: str) -> None:
    """First byte, last byte and four between, in each half of each signature's and timestamp's range: none goes unseen."""
    pdf = samples[sample]
    chance = random.Random(7)
    for begin, end in ranges(pdf):
        for at in (begin, end - 1, *(chance.randrange(begin, end) for _ in range(4))):
            verdict = await judge(flipped(pdf, at, chance.randrange(8)), office.wish())
            assert verdict.intact.light is Light.RED, (at, verdict.intact)
            assert not verdict.passed


@pytest.mark.parametrize("sample", SAMPLES)
async def test_hidden_bytes_in_the_padding(office: Office, samples: dict[str, bytes], sample: str) -> None:
    """Non-zero padding behind a signature in /Contents, which its own digest does not cover, is found for each signature of a file."""
    pdf = samples[sample]
    found = []
    for signature in signatures(pdf):
        end_of_gap = int(signature.byte_range[2]) - 1
        assert pdf[end_of_gap - 4 : end_of_gap + 1] == b"0000>"
        verdict = await judge(pdf[: end_of_gap - 2] + b"41" + pdf[end_of_gap:], office.wish())
        assert verdict.intact.light is Light.RED
        found.append(verdict.intact.finding)
    assert found[-1] is Finding.PADDING_USED


async def test_a_flip_inside_the_signature_itself(office: Office, samples: dict[str, bytes]) -> None:
    """At B-LTA the document timestamp covers even the parts of a signature that nothing else does: each flipped bit is found."""
    pdf = samples["b-lta"]
    first = signatures(pdf)[0]
    begin, end = int(first.byte_range[1]) + 1, int(first.byte_range[2]) - 1
    chance = random.Random(11)
    for _ in range(12):
        verdict = await judge(flipped(pdf, chance.randrange(begin, end)), office.wish())
        assert verdict.intact.light is Light.RED


async def test_a_forged_signature_value(office: Office, samples: dict[str, bytes]) -> None:
    """A B-B file whose signature value was exchanged for another of the same shape is broken, not merely changed."""
    pdf = samples["b-b"]
    signature = signatures(pdf)[0]
    at = pdf.lower().index(signature.signer_info["signature"].native.hex().encode())
    forged = pdf[: at + 20] + (b"0" if pdf[at + 20 : at + 21] != b"0" else b"1") + pdf[at + 21 :]
    assert (await judge(forged, office.wish())).intact.finding is Finding.SIGNATURE_BROKEN


@pytest.mark.parametrize("sample", SAMPLES)
@pytest.mark.parametrize("junk", [b"\n", b"junk", b"%%EOF\n", b"startxref\n0\n%%EOF\n", b"\0" * 64])
async def test_bytes_glued_on(office: Office, samples: dict[str, bytes], sample: str, junk: bytes) -> None:
    """Anything after the last revision is found, even what PDF readers overlook."""
    verdict = await judge(samples[sample] + junk, office.wish())
    assert verdict.intact.light is Light.RED


@pytest.mark.parametrize("sample", SAMPLES)
async def test_a_revision_that_changes_the_page(office: Office, samples: dict[str, bytes], sample: str) -> None:
    """A well-formed incremental update that draws over the page is named as something added after signing."""
    writer: Any = IncrementalPdfFileWriter(BytesIO(samples[sample]))
    stream = generic.StreamObject(stream_data=b"1 0 0 rg 0 0 600 800 re f")
    writer.add_stream_to_page(0, writer.add_object(stream))
    output = BytesIO()
    writer.write(output)
    assert output.getvalue().startswith(samples[sample])
    verdict = await judge(output.getvalue(), office.wish())
    assert verdict.intact.finding is Finding.REVISION_ADDED


async def test_a_revision_that_renames_the_document(office: Office, samples: dict[str, bytes]) -> None:
    """A new title in the information dictionary is one change too many; so is a rehearsal's mark wiped by a later revision."""
    writer: Any = IncrementalPdfFileWriter(BytesIO(samples["b-t"]))
    action: Any = generic.DictionaryObject
    writer.root[pdf_name("/OpenAction")] = action({pdf_name("/S"): pdf_name("/JavaScript")})
    writer.update_root()
    output = BytesIO()
    writer.write(output)
    assert (await judge(output.getvalue(), office.wish())).intact.finding is Finding.REVISION_ADDED


async def test_validation_data_may_be_added(office: Office, samples: dict[str, bytes]) -> None:
    """An update that only archives a certificate leaves the content intact."""
    output = BytesIO(samples["b-t"])
    leaf = signatures(samples["b-t"])[0].signer_cert
    DocumentSecurityStore.add_dss(output, sig_contents=None, certs=[leaf])
    verdict = await judge(output.getvalue(), office.wish())
    assert verdict.intact.finding is Finding.EXTENDED


async def test_someone_elses_signature_on_top(office: Office, samples: dict[str, bytes], services: object) -> None:
    """A certified document admits no second signature: pyHanko refuses to make one, so nobody can be made to look as having signed."""
    with pytest.raises(Exception, match="forbids all changes"):
        await office.seal(samples["b-t"], Level.B_B, office.authority.issue("Orang Lain"))


async def test_a_signature_moved_to_another_document(office: Office, samples: dict[str, bytes]) -> None:
    """Contents cut out of one file and set into another of the same shape do not fit."""
    donor, victim = signatures(samples["b-b"])[0], signatures(samples["b-t"])[0]
    contents = donor.pkcs7_content.hex().encode()
    begin, end = int(victim.byte_range[1]), int(victim.byte_range[2])
    room = end - begin - 2
    moved = samples["b-t"][: begin + 1] + contents.ljust(room, b"0")[:room] + samples["b-t"][end - 1 :]
    assert (await judge(moved, office.wish())).intact.light is Light.RED


async def test_an_unsigned_file(office: Office) -> None:
    """A document nobody signed says so, and that is not a pass."""
    verdict = await judge(berita_acara(), office.wish())
    assert verdict.intact.finding is Finding.NO_SIGNATURE
    assert not verdict.passed


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
async def test_no_mutation_of_a_signed_byte_passes(
    office: Office, samples: dict[str, bytes], data: st.DataObject
) -> None:
    """Whatever one to four bytes of a B-T file's signed ranges become, the file no longer passes."""
    pdf = bytearray(samples["b-t"])
    first, second = ranges(samples["b-t"])
    for _ in range(data.draw(st.integers(1, 4))):
        begin, end = data.draw(st.sampled_from([first, second]))
        at = data.draw(st.integers(begin, end - 1))
        pdf[at] = (samples["b-t"][at] + data.draw(st.integers(1, 255))) % 256
    assert not (await judge(bytes(pdf), office.wish())).passed


@given(st.binary(max_size=400))
def test_der_lengths_agree_with_an_encoder(content: bytes) -> None:
    """The length of a DER SEQUENCE is found whatever follows it, and never beyond the bytes there are."""
    size = len(content)
    if size < 0x80:
        header = bytes([0x30, size])
    elif size < 0x100:
        header = bytes([0x30, 0x81, size])
    else:
        header = bytes([0x30, 0x82, *size.to_bytes(2)])
    assert der_length(header + content + b"\0\0") == len(header) + size
    assert der_length((header + content)[:-1]) in {None, len(header) + size - 1 if size == 0 else None}


@given(st.binary(max_size=64), st.lists(st.integers(-5, 100), max_size=6))
def test_hostile_byte_ranges_are_findings(pdf: bytes, byte_range: list[int]) -> None:
    """No byte range makes the check itself fail."""
    assert gap_finding(pdf, byte_range) is not None
    assert tail_finding(pdf + b"x", len(pdf)) is Finding.REVISION_ADDED
