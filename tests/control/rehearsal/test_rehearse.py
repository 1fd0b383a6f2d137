"""Rehearsals: the same report as the real thing, the same bytes each time, and no way out to hardware or records."""

import asyncio
import hashlib
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from devices.sdk.readings import Value
from smartroom.control.rehearsal.loop import run_virtual
from smartroom.control.rehearsal.rehearse import Script, rehearse
from smartroom.control.rehearsal.twin import Original, twinned
from smartroom.protocol.rehearsal import Deed, RehearsalReport
from smartroom.protocol.rundowns import CueResult
from smartroom.protocol.state import Link, MemberState, RunResult
from tests.rooms import ROOM, SCENES, families, living, simulate, write_site

WALLS = ROOM + "walls: {kiri: {name: Layar kiri}}\n"
SHOW = """
name: Acara
cues:
  - {id: rapat, name: Rapat, scene: meeting, planned: 10m}
  - {id: hitung, name: Hitung, countdown: {seconds: 10}, planned: 1m}
  - {id: keras, name: Keras, fire: hold, desired: {matrix: {volume: {main: 70}}}, guard: "is('projector.power', 'on')", planned: 9m}
  - {id: pidato, name: Pidato, hold: true, planned: 19m}
  - {id: akhir, name: Akhir, scene: slides, planned: 1m}
"""
FAMILIES = families()
WALL = 1_790_000_000.0


def original(folder: Path, readings: dict[str, dict[str, Value]] | None = None) -> Original:
    """The test room with one wall and one rundown."""
    return Original(write_site(folder, WALLS, SCENES, {"acara": SHOW}), FAMILIES, readings or {})


def rehearsed(folder: Path, name: str, **script: object) -> RehearsalReport:
    """A rehearsal on virtual time."""
    return run_virtual(rehearse(original(folder), Script(name, **script)), WALL)  # type: ignore[arg-type]


def test_a_rundown_of_forty_minutes_is_told_like_a_real_one(tmp_path: Path) -> None:
    """Every cue is fired at its planned moment, held where it must be held, and closed by what was read back."""
    report = rehearsed(tmp_path, "acara")
    assert report.achieved
    assert report.virtual_s == pytest.approx(2400, abs=5)
    assert [entry.cue for entry in report.entries] == ["rapat", "hitung", "keras", "pidato", "akhir"]
    assert [round(entry.started) for entry in report.entries] == [0, 600, 661, 1200, 2340]
    assert {entry.result for entry in report.entries} == {CueResult.ACHIEVED}
    assert [deed.do for deed in report.deeds][:4] == ["open", "go", "go", "arm"]
    assert report.sent


def test_a_scene_gives_the_same_report_as_the_real_room(tmp_path: Path) -> None:
    """Members, goals and read-backs are those of the real room with simulators on sockets; only times differ."""
    report = rehearsed(tmp_path / "a", "meeting").report

    async def real() -> dict[str, tuple[object, MemberState]]:
        async with living(tmp_path / "b") as room:
            run = (await room.apply("meeting")).run
            return {name: (member.value, member.state) for name, member in run.members.items()}

    assert report is not None
    assert report.run.result is RunResult.ACHIEVED
    assert {name: (member.value, member.state) for name, member in report.run.members.items()} == asyncio.run(real())


def test_it_begins_where_the_real_room_stands(tmp_path: Path) -> None:
    """A projector that is on is on in the rehearsal, without a second of warming up; what already holds is skipped."""
    now: dict[str, dict[str, Value]] = {
        "projector": {"power": "on", "input": "hdmi1"},
        "matrix": {"route.1": 1, "route.2": 1, "volume.1": 50.0},
        "camera": {"power": "on"},
    }
    report = run_virtual(rehearse(original(tmp_path, now), Script("meeting")), WALL)
    assert report.report is not None
    states = {name: member.state for name, member in report.report.run.members.items()}
    assert states["projector.power"] is MemberState.SKIPPED
    assert states["matrix.route.1"] is MemberState.SKIPPED
    assert report.virtual_s < 5


def test_faults_are_rehearsed(tmp_path: Path) -> None:
    """A device that lies fails by name in the rehearsal as it would before guests; a cue that is not let through is skipped and told."""
    report = rehearsed(tmp_path, "acara", faults={"projector": "lie"})
    assert not report.achieved
    results = {entry.cue: entry.result for entry in report.entries}
    assert results["rapat"] is CueResult.PARTIAL
    assert results["keras"] is CueResult.SKIPPED
    first = next(entry for entry in report.entries if entry.cue == "rapat")
    assert first.problem is not None
    assert first.problem.device == "projector"
    assert any(deed.refused for deed in report.deeds if deed.cue == "keras")


_DEEDS = st.lists(
    st.tuples(st.floats(0.0, 120.0), st.sampled_from(["go", "skip", "back", "hold", "resume", "arm"])),
    max_size=12,
).map(lambda steps: [Deed(at=round(at, 3), do=do) for at, do in sorted(steps)])
_FAULTS = st.sampled_from(
    [{}, {"matrix": "drop=0.3"}, {"camera": "delay=0.2,shuffle"}, {"projector": "nak=0.5,garbage"}]
)


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(deeds=_DEEDS, faults=_FAULTS, seed=st.integers(0, 5))
def test_the_same_log_gives_the_same_bytes(
    tmp_path: Path, deeds: list[Deed], faults: dict[str, str], seed: int
) -> None:
    """Whatever the operator did and whichever faults there were: replayed, every byte goes to the same device at the same moment."""
    deeds = [Deed(at=0, do="open"), *deeds, Deed(at=150, do="close")]
    first = rehearsed(tmp_path, "acara", deeds=deeds, faults=faults, seed=seed)
    again = rehearsed(tmp_path, "acara", deeds=first.deeds, faults=faults, seed=seed)
    assert (first.digest, first.sent) == (again.digest, again.sent)
    assert first.entries == again.entries


def test_it_is_the_same_in_another_process(tmp_path: Path) -> None:
    """Order of sets and dictionaries differs from process to process; the bytes do not."""
    folder = original(tmp_path).folder
    words = [
        sys.executable,
        "-m",
        "smartroom",
        "rehearse",
        "hall",
        "acara",
        "--site",
        str(folder.parent),
        "--fresh",
        "--json",
    ]
    digests = set()
    for seed in ("1", "2"):
        told = subprocess.run(
            words, capture_output=True, text=True, env={**os.environ, "PYTHONHASHSEED": seed}, check=True
        )
        digests.add(RehearsalReport.model_validate_json(told.stdout).digest)
    assert len(digests) == 1


def test_the_twin_opens_no_socket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With sockets forbidden outright a whole rundown still rehearses."""
    monkeypatch.setattr(socket.socket, "connect", _never)
    monkeypatch.setattr(socket.socket, "bind", _never)
    monkeypatch.setattr(socket.socket, "sendto", _never)
    monkeypatch.setattr(socket, "create_connection", _never)
    assert rehearsed(tmp_path, "acara").achieved


def _never(*_: object, **__: object) -> None:
    raise AssertionError("a rehearsal reached for the network")


async def test_real_devices_hear_nothing(tmp_path: Path) -> None:
    """The room's file names devices that answer: while its twin recalls a scene in this very process, not one byte or connection reaches them."""
    async with simulate({"matrix": ("extron_sis", {"inputs": 8, "outputs": 4}), "projector": ("pjlink", {})}) as (
        real,
        addresses,
    ):
        room = WALLS.replace("tcp://10.0.0.1:23", addresses["matrix"]).replace(
            "tcp://10.0.0.2:4352", addresses["projector"]
        )
        folder = write_site(tmp_path, room, SCENES, {"acara": SHOW})
        before = {key: simulator.snapshot() for key, simulator in real.items()}
        async with twinned(Original(folder, FAMILIES), "hall-gladi") as twin:
            await twin.connected()
            twin.simulators["projector"].speed_up(100)
            accepted = twin.live.desk.apply("slides", by="gladi", press="press-0001")
            assert (await twin.live.desk.wait(accepted.run or "")).run.result is RunResult.ACHIEVED
            assert all(device.link is Link.READY for device in twin.live.store.state.devices.values())
            assert all(
                device.address.startswith(("memory://", "/")) for device in twin.live.store.state.devices.values()
            )
        assert {key: simulator.snapshot() for key, simulator in real.items()} == before
        assert all(simulator.clients == [] for simulator in real.values())


SEALED = """
import socket, sqlite3, subprocess, sys, pathlib
from smartroom.control.rehearsal.seal import Sealed, seal
target = pathlib.Path(sys.argv[1])
seal()
tries = [
    lambda: socket.create_connection(("127.0.0.1", int(sys.argv[2])), timeout=1),
    lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("127.0.0.1", int(sys.argv[2]))),
    lambda: socket.socket().bind(("127.0.0.1", 0)),
    lambda: target.write_text("x"),
    lambda: (target.parent / "known.db").unlink(),
    lambda: (target.parent / "new").mkdir(),
    lambda: sqlite3.connect(target.parent / "known.db"),
    lambda: subprocess.run(["true"]),
]
for one in tries:
    try:
        one()
    except Sealed:
        continue
    print("open", tries.index(one))
print("read", (target.parent / "known.db").read_text())
"""


def test_the_seal_closes_a_process(tmp_path: Path) -> None:
    """Connecting, sending, listening, writing, removing, starting programs and opening databases are all refused; reading goes on."""
    (tmp_path / "known.db").write_text("kept")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
        told = subprocess.run(
            [sys.executable, "-c", SEALED, str(tmp_path / "file"), port], capture_output=True, text=True, check=True
        )
    assert told.stdout == "read kept\n"


def test_records_are_not_touched(tmp_path: Path) -> None:
    """A rehearsal beside a site and a data folder leaves every byte of both as it was."""
    folder = original(tmp_path / "site").folder
    data = tmp_path / "data"
    data.mkdir()
    (data / "records.db").write_bytes(b"records")

    def fingerprint() -> str:
        found = hashlib.sha256()
        for path in sorted(path for path in tmp_path.rglob("*") if path.is_file()):
            found.update(str(path).encode() + path.read_bytes() + str(path.stat().st_mtime_ns).encode())
        return found.hexdigest()

    before = fingerprint()
    words = [
        sys.executable,
        "-m",
        "smartroom",
        "rehearse",
        "hall",
        "meeting",
        "--site",
        str(folder.parent),
        "--data",
        str(data),
    ]
    assert subprocess.run(words, capture_output=True, check=False).returncode == 0
    assert fingerprint() == before
