"""`smartroom journal verify | export` as a person at a terminal meets it."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.ceremonies import ALONE, Pen, begin, session_in, sign
from tests.signing.conftest import office
from tests.signing.rig import Office, sealing_process

__all__ = ["office"]


def smartroom(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run the command."""
    command = [sys.executable, "-m", "smartroom", "journal", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture
async def ceremony(tmp_path: Path, office: Office) -> Path:
    """The folder of a ceremony whose heads were signed."""
    async with (
        sealing_process(office.house.settings) as sealing,
        session_in(tmp_path / "one", text=ALONE, sealing=sealing) as session,
    ):
        await begin(session)
        await sign(session, Pen(session.id))
        await session.reveal(1000, "Operator")
        while session.journal.signed < session.journal.sequence - 3:
            await asyncio.sleep(0.01)
    return tmp_path / "one"


def test_a_whole_journal(ceremony: Path) -> None:
    """Folder or file: whole, so many records, heads agree; exit status 0."""
    for path in (ceremony, ceremony / "journal"):
        told = smartroom("verify", path)
        assert told.returncode == 0, told.stdout + told.stderr
        assert "[ok]" in told.stdout
        assert "signed heads agree" in told.stdout


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("edited", "record 2 was changed"),
        ("cut", "record"),
        ("cut with its heads", "no signed heads"),
        ("reordered", "where record 3 belongs stands record 4"),
        ("rolled back", "is known from its signed head"),
        ("forged head", "forged"),
    ],
)
def test_every_kind_of_harm_is_said_plainly(ceremony: Path, name: str, says: str) -> None:
    """Edited, cut short, reordered, rolled back, a head forged: named in words; exit status 1 wherever a head remains to tell."""
    file, heads = ceremony / "journal", ceremony / "heads.jsonl"
    lines = file.read_bytes().splitlines(keepends=True)
    match name:
        case "edited":
            lines[1] = lines[1].replace(b"Kota Uji", b"Kota Ujo", 1)
        case "cut" | "rolled back":
            lines = lines[:3]
        case "cut with its heads":
            lines = lines[:2]
            heads.unlink()
        case "reordered":
            lines[2], lines[3] = lines[3], lines[2]
        case "forged head":
            signed = json.loads(heads.read_text().splitlines()[0])
            signed["signature"] = "0" * 128
            heads.write_text(json.dumps(signed) + "\n")
    file.write_bytes(b"".join(lines))
    told = smartroom("verify", ceremony)
    assert says in told.stdout, told.stdout
    assert told.returncode == (0 if name == "cut with its heads" else 1)


def test_a_head_from_elsewhere_finds_what_nothing_else_does(ceremony: Path) -> None:
    """Cut short together with its heads: the head printed in the document tells."""
    file = ceremony / "journal"
    report = json.loads(smartroom("verify", ceremony, "--json").stdout)
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join(lines[:2]))
    (ceremony / "heads.jsonl").unlink()
    told = smartroom("verify", ceremony, "--head", f"{report['records']}:{report['head']}")
    assert told.returncode == 1
    assert "known from the command line" in told.stdout


def test_a_bundle_proves_itself_without_this_server(ceremony: Path, tmp_path: Path) -> None:
    """Exported and unpacked elsewhere: sha256sum agrees with the list, and the journal in it is whole."""
    told = smartroom("export", ceremony, tmp_path / "bukti.zip")
    assert told.returncode == 0, told.stderr
    with zipfile.ZipFile(tmp_path / "bukti.zip") as archive:
        archive.extractall(tmp_path / "bukti")
    sums = subprocess.run(
        ["sha256sum", "--quiet", "-c", "SHA256SUMS"],
        cwd=tmp_path / "bukti",
        capture_output=True,
        text=True,
        check=False,
    )
    assert (sums.returncode, sums.stdout) == (0, "")
    assert smartroom("verify", tmp_path / "bukti").returncode == 0
    strokes = json.loads((tmp_path / "bukti/goresan.json").read_text())
    assert sum(len(stroke["points"]) for stroke in strokes["signatures"][0]["strokes"]) == 24
    assert "diresmikan" in (tmp_path / "bukti/garis-waktu.txt").read_text()


def test_nothing_to_check_is_said(tmp_path: Path) -> None:
    """An empty folder holds no journal and no ceremony."""
    assert "no journal here" in smartroom("verify", tmp_path).stderr
    assert "no ceremony here" in smartroom("export", tmp_path, tmp_path / "x.zip").stderr
