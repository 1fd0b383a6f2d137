"""`smartroom drivers`: begin a family, check it, talk to a device."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from devices.sdk import BadSetting, Family, Settings, find_families, load_family
from devices.sdk.testing.simulator import Simulator
from smartroom.cli import main
from smartroom.commands.drivers import CannotMake, check_family, family_named, new_family
from smartroom.commands.simulators import Simulators
from smartroom.commands.talk import shown, talk

MATRIX = load_family(find_families()["ascii_matrix"])
GUIDE = Path(__file__).resolve().parents[2] / "docs/guides/new-matrix.md"
TOOK = re.compile(r"  \[\d+ ms\]")


def run(*words: str) -> tuple[int, str]:
    """The command line: exit code, and all it printed."""
    result = CliRunner().invoke(main, ["drivers", *words])
    return result.exit_code, result.output


def test_new_with_a_profile_is_two_yaml_files(tmp_path: Path) -> None:
    """A dialect to change; found as a family, and its profile is the copy and not the original."""
    code, said = run("new", "my_matrix", "--profile", "techly", "--drivers", str(tmp_path))
    assert code == 0
    assert sorted(path.name for path in (tmp_path / "my_matrix").iterdir()) == ["driver.yaml", "profile.yaml"]
    assert "next: smartroom drivers check my_matrix" in said
    family = family_named("my_matrix", tmp_path)
    assert family.manifest.extends == "ascii_matrix"
    assert Settings(family.manifest, {}).text("profile") == str(tmp_path / "my_matrix" / "profile.yaml")


def test_new_without_a_profile_is_a_whole_family(tmp_path: Path) -> None:
    """Driver, simulator, talks: the template under its new name."""
    written = new_family("my_display", tmp_path)
    names = {path.name for path in written}
    assert names >= {
        "driver.yaml",
        "protocol.py",
        "driver.py",
        "simulator.py",
        "README.md",
        "quality.yaml",
        "test_talk.py",
    }
    family = load_family(tmp_path / "my_display")
    assert family.manifest.family == "my_display"
    assert issubclass(family.simulator, Simulator)


@pytest.mark.parametrize(
    ("name", "profile", "why"),
    [
        ("My-Matrix", None, "small letters"),
        ("pjlink", None, "ships already"),
        ("there", None, "exists"),
        ("mine", "techlee", "one of a55b, ekl, ptn"),
    ],
)
def test_what_cannot_be_begun_is_said(tmp_path: Path, name: str, profile: str | None, why: str) -> None:
    """Why, and what to do."""
    (tmp_path / "there").mkdir()
    with pytest.raises(CannotMake, match=why):
        new_family(name, tmp_path, profile)


async def test_a_new_matrix_is_sound_at_once(tmp_path: Path) -> None:
    """The copy passes the check before anybody changed it."""
    new_family("my_matrix", tmp_path, "techly")
    assert await check_family("my_matrix", tmp_path) == []


def test_check_names_what_is_wrong(tmp_path: Path) -> None:
    """A mistake in the profile: file, line, exit code 1."""
    new_family("my_matrix", tmp_path, "techly")
    path = tmp_path / "my_matrix" / "profile.yaml"
    path.write_text(path.read_text("utf-8").replace("s {in} av {out}!", "s {in} av {output}!"), "utf-8")
    code, said = run("check", "my_matrix", "--drivers", str(tmp_path))
    assert code == 1
    assert "profile.yaml:" in said
    assert "{output} cannot stand here" in said


def test_check_names_a_broken_driver_yaml(tmp_path: Path) -> None:
    """Also when the family cannot even be read."""
    new_family("my_matrix", tmp_path, "techly")
    (tmp_path / "my_matrix" / "driver.yaml").write_text("extends: nothing_like_it\nfamily: my_matrix\ntitle: x\n")
    code, said = run("check", "my_matrix", "--drivers", str(tmp_path))
    assert code == 1
    assert "driver.yaml:1: no shipped family 'nothing_like_it'" in said


@pytest.mark.parametrize("words", [("check", "nobody"), ("talk", "nobody", "--at", "tcp://127.0.0.1:1")])
def test_an_unknown_family_is_named_with_those_that_exist(words: tuple[str, ...]) -> None:
    """Exit 1 and the list."""
    code, said = run(*words)
    assert code == 1
    assert "no family 'nobody'; there are: " in said


def test_talk_refuses_an_address_the_family_does_not_speak() -> None:
    """Before anything is sent."""
    code, said = run("talk", "ascii_matrix", "--at", "udp://127.0.0.1:1")
    assert code == 1
    assert "ascii_matrix speaks over tcp, serial" in said


async def _lines(*lines: str) -> AsyncIterator[str]:
    for line in lines:
        yield line


async def _talked(family: Family, settings: dict[str, object], *lines: str, faults: str = "") -> list[str]:
    said: list[str] = []
    async with family.simulator(family.manifest, Settings(family.manifest, settings)) as simulator:
        simulator.faults.update(faults)
        port = await simulator.serve_tcp()
        async with asyncio.timeout(10):
            await talk(family, f"tcp://127.0.0.1:{port}", settings, _lines(*lines), said.append)
    return said


async def test_a_talk_shows_values_and_bytes() -> None:
    """Set, read back, ask, everything known; every byte with its direction and reason."""
    said = await _talked(MATRIX, {"outputs": 2}, "route.2 = 1", "route.2", "", "all", "link", "help", "quit", "never")
    text = "\n".join(said)
    assert "-- ready" in said
    assert "> 1V2.  [operator]" in said
    assert "< AV: 01->002\\r\\n" in said
    assert "    route.2 = 1  (query)" in said
    assert sum(line.startswith("route.2 is 1") for line in said) == 2
    assert "route.1 = 1  (query)\nroute.2 = 1  (query)" in text
    assert "ready, connection 1" in said
    assert "route.1, route.2" in text
    assert "never" not in text


async def test_the_guides_talk_is_what_is_printed(tmp_path: Path) -> None:
    """docs/guides/new-matrix.md: its two files make the family, and `talk` prints what stands there, but for the milliseconds."""
    guide = GUIDE.read_text("utf-8")
    folder = tmp_path / "ekl_414h"
    folder.mkdir()
    for name, text in re.findall(r"```yaml\n# (driver\.yaml|profile\.yaml)\n(.*?)```", guide, re.DOTALL):
        (folder / name).write_text(text, "utf-8")
    expected = re.findall(r"```text\n(.*?)```", guide, re.DOTALL)[0]
    family = load_family(folder)
    timing = family.manifest.timing.model_copy(update={"poll_s": 0.0})  # a poll may fall between any two lines
    quiet = replace(family, manifest=family.manifest.model_copy(update={"timing": timing}))
    said = await _talked(quiet, {}, "route.2 = 1")
    assert [TOOK.sub("", line) for line in expected.splitlines()] == [TOOK.sub("", line) for line in said[:-1]]
    assert said[-1] == "-- stopped"


async def test_a_talk_tells_errors_in_words() -> None:
    """An input that is not there, a property that is not, an action that is not: said, and the talk goes on."""
    said = await _talked(
        MATRIX, {"outputs": 2}, "route.1 = 9", "route.7", "do fly", "do recall_preset number=5", "route.1"
    )
    assert any(line.startswith("bad_setting: input 9 does not exist") for line in said)
    assert any(line.startswith("not_supported: ascii_matrix has no property 'route.7'") for line in said)
    assert any(line.startswith("not_supported: ascii_matrix has no action 'fly'") for line in said)
    assert any(line.startswith("refused: ") for line in said)
    assert said[-2].startswith("route.1 is 1") or any(line.startswith("route.1 is 1") for line in said)


async def test_what_cannot_be_read_back_is_said_to_be_only_sent() -> None:
    """A dialect without read-back: nobody confirmed it."""
    said = await _talked(MATRIX, {"profile": "ekl", "outputs": 2}, "route.2 = 1", "route.2")
    assert any("nobody confirmed it" in line for line in said)
    assert any(line.startswith("not_supported: 'route.2' cannot be read") for line in said)


async def test_a_device_that_is_not_there_is_told() -> None:
    """The reason is printed, and each command fails at once."""
    said: list[str] = []
    async with asyncio.timeout(10):
        await talk(MATRIX, "tcp://127.0.0.1:9", {}, _lines("route.1"), said.append)
    assert any(line.startswith("-- offline: ") for line in said)
    assert any(line.startswith("unreachable: ") for line in said)


async def test_settings_that_cannot_be_used_end_the_talk() -> None:
    """Before anything is connected."""
    with pytest.raises(BadSetting, match="no profile 'ptm'"):
        await talk(MATRIX, "tcp://127.0.0.1:9", {"profile": "ptm"}, _lines(), print)


@pytest.mark.parametrize(
    ("payload", "text"),
    [
        (b"AV: 01->002\r\n", "AV: 01->002\\r\\n"),
        (b"\x1b+Q3*4!\r", "\\x1b+Q3*4!\\r"),
        (b"/info\0\0\0", "/info\\0\\0\\0"),
        (b"\xa5\x5b\x02\x03\x02\x00\x01", "A5 5B 02 03 02 00 01"),
        (b"", ""),
        (b"x" * 600, "x" * 512 + " …"),
    ],
)
def test_bytes_are_shown_as_a_person_reads_them(payload: bytes, text: str) -> None:
    """Text with escapes, or hex."""
    assert shown(payload) == text


async def test_the_program_talks_over_its_standard_input(tmp_path: Path) -> None:
    """A family of one's own, lines from a pipe, the end of the pipe ends it."""
    new_family("my_matrix", tmp_path, "techly")
    family = family_named("my_matrix", tmp_path)
    async with family.simulator(family.manifest, Settings(family.manifest, {})) as simulator:
        port = await simulator.serve_tcp()
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "smartroom", "drivers", "talk", "my_matrix", "--drivers", str(tmp_path)),
            *("--at", f"tcp://127.0.0.1:{port}", "--set", "outputs=2"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(20):
            said, _ = await process.communicate(b"route.2 = 4\n")
        assert simulator.snapshot()["route.2"] == 4
    assert process.returncode == 0
    assert "> s 4 av 2!  [operator]" in said.decode()
    assert "route.2 is 4" in said.decode()


async def test_a_demo_simulates_a_family_of_its_own(tmp_path: Path) -> None:
    """The site's drivers folder goes with the simulator's process, and with the words that start it again."""
    new_family("my_matrix", tmp_path / "drivers", "techly")
    room = tmp_path / "ruang" / "room.yaml"
    room.parent.mkdir()
    room.write_text("name: Ruang\ndevices:\n  matrix: {driver: my_matrix, at: 'tcp://10.0.0.1:4001'}\n")
    async with Simulators(tmp_path, tmp_path / "run") as simulators:
        (one,) = simulators.running
        assert one.family == "my_matrix"
        assert f"--drivers {tmp_path / 'drivers'}" in one.command
