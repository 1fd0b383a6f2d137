"""`smartroom verify FILE.pdf` as a person at a terminal meets it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.signing.rig import Office
from tests.signing.test_tampering import flipped


def smartroom(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run the command."""
    command = [sys.executable, "-m", "smartroom", "verify", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture
def data(office: Office, tmp_path: Path) -> Path:
    """A data folder that trusts the authority."""
    for folder, text in (("roots", office.house.root), ("intermediates", office.house.intermediate)):
        (tmp_path / "trust" / folder).mkdir(parents=True)
        (tmp_path / "trust" / folder / "uji.pem").write_text(text)
    return tmp_path


def test_a_good_file(samples: dict[str, bytes], data: Path) -> None:
    """Three lines in Indonesian and English, the signer, and exit status 0."""
    (data / "berita-acara.pdf").write_bytes(samples["b-lta"])
    told = smartroom(data / "berita-acara.pdf", "--data", data)
    assert told.returncode == 0, told.stderr
    for words in ("[ok] ISI UTUH", "[ok] PENANDA TANGAN DIKENAL", "[ok] WAKTU TERJAMIN", "Dr. Siti Rahmawati", "B-LTA"):
        assert words in told.stdout


def test_a_flipped_byte(samples: dict[str, bytes], data: Path) -> None:
    """The same file with one bit turned: red, and exit status 1."""
    (data / "berita-acara.pdf").write_bytes(flipped(samples["b-lta"], 5000))
    told = smartroom(data / "berita-acara.pdf", "--data", data)
    assert told.returncode == 1
    assert "[X]  ISI UTUH" in told.stdout


def test_for_programs(samples: dict[str, bytes], office: Office, data: Path, tmp_path: Path) -> None:
    """--json gives the whole verdict; roots can be named on the command line."""
    (data / "berita-acara.pdf").write_bytes(samples["b-t"])
    (data / "root.pem").write_text(office.house.root)
    told = smartroom(data / "berita-acara.pdf", "--data", tmp_path / "none", "--test-root", data / "root.pem", "--json")
    verdict = json.loads(told.stdout)
    assert told.returncode == 1
    assert verdict["known"]["finding"] == "test_certificate"


def test_no_such_file(tmp_path: Path) -> None:
    """A usage error, as for every command."""
    assert smartroom(tmp_path / "none.pdf").returncode == 2


def test_the_example_of_the_documentation() -> None:
    """The sealed example verifies with the certificates beside it, as the documentation shows, and is only a test without them."""
    folder = Path(__file__).resolve().parents[2] / "docs/samples"
    trust = ("--root", folder / "akar-uji.pem", "--intermediate", folder / "ca-uji.pem")
    assert smartroom(folder / "berita-acara.pdf", *trust).returncode == 0
    assert smartroom(folder / "berita-acara.pdf").returncode == 1
