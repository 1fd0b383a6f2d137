"""Broken and hostile files, judged by the real confined process: a verdict within the limits, whatever they are."""

import asyncio
import os
import sys
import zlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from reportlab.pdfgen.canvas import Canvas

from smartroom.control import limits
from smartroom.control.ceremony import confined as spawned
from smartroom.protocol.blobs import LENGTHS, MAX_BLOB, FrameBroken, pack, unpack
from smartroom.protocol.document import Drawn
from smartroom.protocol.verdict import MAX_PDF, Finding, JudgeDocument, Light
from smartroom.signing import confined
from smartroom.signing.verify.judge import judge as judge_here
from tests.signing.rig import Office, wish

NOTHING = JudgeDocument(roots=[])


def pdf_of(*objects: bytes, trailer: bytes = b"/Root 1 0 R", stream: bytes = b"") -> bytes:
    """A file of numbered objects with a right cross-reference table."""
    out = bytearray(b"%PDF-1.7\n")
    places = []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    out += b"trailer\n<< /Size %d %s >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, trailer, start)
    return bytes(out) + stream


def many_pages() -> bytes:
    """500 pages, each with a word."""
    buffer = BytesIO()
    canvas = Canvas(buffer)
    for number in range(500):
        canvas.drawString(100, 700, str(number))
        canvas.showPage()
    canvas.save()
    return buffer.getvalue()


def page_loop() -> bytes:
    """A page tree that is its own child, and a form whose fields are each other's kids."""
    return pdf_of(
        b"<< /Type /Catalog /Pages 2 0 R /AcroForm << /SigFlags 3 /Fields [3 0 R] >> >>",
        b"<< /Type /Pages /Kids [2 0 R] /Count 2 /Parent 2 0 R >>",
        b"<< /T (a) /FT /Sig /Kids [4 0 R] /Parent 4 0 R >>",
        b"<< /T (b) /FT /Sig /Kids [3 0 R] /Parent 3 0 R >>",
    )


def bomb() -> bytes:
    """A cross-reference stream of some kilobytes that unpacks to 300 MB."""
    squeezed = zlib.compress(bytes(300_000_000), 9)
    body = b"<< /Type /XRef /Size 100000000 /W [1 2 1] /Root 1 0 R /Filter /FlateDecode /Length %d >>" % len(squeezed)
    return b"%PDF-1.7\n1 0 obj\n" + body + b"\nstream\n" + squeezed + b"\nendstream\nendobj\nstartxref\n9\n%%EOF\n"


def twice_squeezed() -> bytes:
    """The same bomb behind five filters."""
    data = bytes(50_000_000)
    for _ in range(5):
        data = zlib.compress(data, 9)
    filters = b" ".join([b"/FlateDecode"] * 5)
    body = b"<< /Type /XRef /Size 9 /W [1 2 1] /Root 1 0 R /Filter [%s] /Length %d >>" % (filters, len(data))
    return b"%PDF-1.7\n1 0 obj\n" + body + b"\nstream\n" + data + b"\nendstream\nendobj\nstartxref\n9\n%%EOF\n"


def deep() -> bytes:
    """An array inside an array, 200,000 times."""
    return pdf_of(b"<< /Type /Catalog /Pages 2 0 R /X " + b"[" * 200_000 + b"]" * 200_000 + b" >>", b"<< /Count 1 >>")


def reference_loop() -> bytes:
    """Every /Length and /Prev leads back to itself."""
    return pdf_of(b"1 0 R", trailer=b"/Root 1 0 R /Prev 9")


def signature_with(contents: bytes, byte_range: bytes) -> bytes:
    """A field that claims a signature."""
    return pdf_of(
        b"<< /Type /Catalog /Pages 2 0 R /AcroForm << /SigFlags 3 /Fields [3 0 R] >> >>",
        b"<< /Type /Pages /Kids [] /Count 1 >>",
        b"<< /T (a) /FT /Sig /V 4 0 R >>",
        b"<< /Type /Sig /SubFilter /ETSI.CAdES.detached /Contents %s /ByteRange %s >>" % (contents, byte_range),
    )


HOSTILE: dict[str, Callable[[], bytes]] = {
    "nothing": lambda: b"",
    "text": lambda: b"Halo, saya bukan PDF.",
    "header only": lambda: b"%PDF-1.7\n",
    "noise": lambda: b"%PDF-1.7\n" + os.urandom(100_000),
    "500 pages": many_pages,
    "page loop": page_loop,
    "bomb": bomb,
    "bomb in bombs": twice_squeezed,
    "deep": deep,
    "reference loop": reference_loop,
    "a billion pages": lambda: pdf_of(b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Count 1000000000 >>"),
    "no pages": lambda: pdf_of(b"<< /Type /Catalog >>"),
    "signature of nothing": lambda: signature_with(b"<>", b"[0 1 2 3]"),
    "signature of noise": lambda: signature_with(b"<" + b"deadbeef" * 64 + b">", b"[0 10 20 30]"),
    "signature of everywhere": lambda: signature_with(b"<3000>", b"[0 999999999 999999999 999999999]"),
    "negative range": lambda: signature_with(b"<3000>", b"[-5 -5 -5 -5]"),
    "range of words": lambda: signature_with(b"<3000>", b"[/a /b /c /d]"),
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_hostile_file_gets_a_red_verdict(name: str) -> None:
    """No crash, no hang, no pass: the first line is red, and the parent stays whole."""
    verdict = await spawned.judge(HOSTILE[name](), NOTHING)
    assert verdict.intact.light is Light.RED
    assert not verdict.passed


@pytest.mark.parametrize(("name", "finding"), [("500 pages", Finding.TOO_BIG), ("nothing", Finding.UNREADABLE)])
async def test_it_says_why(name: str, finding: Finding) -> None:
    """The sentence fits the file."""
    assert (await spawned.judge(HOSTILE[name](), NOTHING)).intact.finding is finding


async def test_a_file_over_the_limit_is_not_even_sent() -> None:
    """32 MiB and a byte are refused before a process is started."""
    verdict = await spawned.judge(bytes(MAX_PDF + 1), NOTHING)
    assert verdict.intact.finding is Finding.TOO_BIG


async def test_running_out_of_time_is_a_verdict(monkeypatch: pytest.MonkeyPatch, samples: dict[str, bytes]) -> None:
    """A process that does not answer in time is ended, and the file called too costly."""
    monkeypatch.setattr(limits, "CONFINED_S", 0.05)
    assert (await spawned.judge(samples["b-t"], NOTHING)).intact.finding is Finding.TOO_COSTLY


async def test_the_confined_process_judges_like_this_one(office: Office, samples: dict[str, bytes]) -> None:
    """Limits and tripwires do not change the verdict on an honest file."""
    there = await spawned.judge(samples["renewed"], office.wish())
    here = await judge_here(samples["renewed"], office.wish(there.judged_at))
    assert there == here
    assert there.passed


async def test_the_confined_process_draws() -> None:
    """Drawing goes through the same process, and gives the same bytes each time."""
    told, pdf = await spawned.draw(wish())
    again, same = await spawned.draw(wish())
    assert isinstance(told, Drawn)
    assert told == again
    assert pdf == same


@pytest.mark.parametrize(
    "act",
    [
        "import socket; socket.create_connection(('127.0.0.1', 9))",
        "import subprocess; subprocess.run(['true'])",
        "import os; os.system('true')",
        "open('/tmp/smartroom-tripwire', 'w')",
    ],
)
async def test_the_tripwire_holds(act: str) -> None:
    """Connecting, starting programs and writing files end in PermissionError inside the confined process."""
    program = f"import sys; from smartroom.signing import confined; sys.addaudithook(confined._refuse)\n{act}\n"
    process = await asyncio.create_subprocess_exec(
        *("python3", "-c", program), stderr=asyncio.subprocess.PIPE, env=_environment()
    )
    _, said = await process.communicate()
    assert process.returncode != 0
    assert b"PermissionError" in said
    assert not await asyncio.to_thread(Path("/tmp/smartroom-tripwire").exists)  # noqa: S108  # must not appear


@pytest.mark.parametrize("request_bytes", [b"", b"x", b"\0" * 8, pack(b"{}"), pack(b'{"ask":"judge"}')])
async def test_a_request_that_is_none_ends_the_process(request_bytes: bytes) -> None:
    """Garbage on its stdin gives an exit status, no answer and no trace."""
    process = await asyncio.create_subprocess_exec(
        *("python3", "-m", "smartroom.signing", "confined"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=_environment(),
    )
    out, said = await process.communicate(request_bytes)
    assert (out, said, process.returncode) == (b"", b"", confined.EXIT_NO_REQUEST)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
async def test_no_mutation_breaks_the_judge(office: Office, samples: dict[str, bytes], data: st.DataObject) -> None:
    """Cut, doubled, overwritten and shuffled files: always a verdict, never an exception."""
    pdf = bytearray(data.draw(st.sampled_from([samples["b-t"], samples["renewed"]])))
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(pdf) - 1))
        length = data.draw(st.integers(0, 200))
        match data.draw(st.sampled_from(["cut", "double", "write", "drop"])):
            case "cut":
                del pdf[at + 1 :]
            case "double":
                pdf[at:at] = pdf[at : at + length]
            case "write":
                pdf[at : at + length] = data.draw(st.binary(min_size=length, max_size=length))
            case _ if len(pdf) > length + 1:
                del pdf[at : at + length]
    verdict = await judge_here(bytes(pdf), office.wish())
    assert verdict.size == len(pdf)


def test_frames_out_of_bounds_are_refused() -> None:
    """Lengths beyond the limits, cut frames and trailing bytes never become a message."""
    whole = pack(b"{}", b"blob")
    assert unpack(whole).blob == b"blob"
    for broken in (whole[:-1], whole + b"x", whole[:5], LENGTHS.pack(2, MAX_BLOB + 1) + b"{}"):
        with pytest.raises(FrameBroken):
            unpack(broken)


def _environment() -> dict[str, str]:
    return {"PATH": f"{Path(sys.executable).parent}:{os.defpath}", "LANG": "C.UTF-8"}
