"""kill -9 of the server at any moment of a run: then the room is read and shown as it is, the cut run is offered, and nothing but questions is sent."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import pytest

from devices.sdk.readings import matches
from devices.sdk.testing.clients import Client
from devices.sdk.testing.simulator import Simulator
from smartroom.client import Client as Api
from smartroom.client import ServerGone
from smartroom.protocol.state import Link, RoomState, SceneLight
from tests.rooms import ROOM, SCENES, simulate, write_site

STEPPED = {
    **SCENES,
    "bertahap": """
name: Bertahap
steps:
  - set: {matrix: {volume: {main: 20}}}
  - {ramp: {property: matrix.volume.main, to: 60, over: 0.3s}}
  - wait: 0.1s
  - set: {matrix: {route: {left: camera}}}
""",
}
PRESETS = {
    "wide": {"number": 0, "pan": 0, "tilt": 0, "zoom": 0},
    "podium": {"number": 1, "pan": 40, "tilt": 10, "zoom": 256},
}
IDLE_S = 0.6
"""Long enough for a whole poll after the restart; whatever would be sent unasked is sent by then."""


@dataclass
class Ears:
    """What every simulator has heard, chunk by chunk."""

    heard: list[tuple[str, bytes]] = field(default_factory=list)

    def listen(self, key: str, simulator: Simulator) -> None:
        """Note each chunk before the simulator reads it."""
        received = simulator.received

        def noted(client: Client, chunk: bytes) -> None:
            self.heard.append((key, _plain(chunk)))
            received(client, chunk)

        simulator.received = noted  # type: ignore[method-assign]


@dataclass
class Life:
    """One life of the server."""

    process: asyncio.subprocess.Process
    api: Api

    async def state(self) -> RoomState:
        """The room as a page would see it."""
        return await self.api.room("hall").state()


@asynccontextmanager
async def alive(site: Path, data: Path) -> AsyncIterator[Life]:
    """`smartroom serve` in a process of its own, until it is killed."""
    (data / "server.json").unlink(missing_ok=True)
    log = data.with_name("server.log").open("ab")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "smartroom", "serve", "--site", str(site), "--data", str(data), "--port", "0"),
        stdout=log,
        stderr=log,
    )
    try:
        async with asyncio.timeout(40):
            while (door := _door(data)) is None:
                assert process.returncode is None, data.with_name("server.log").read_text()[-2000:]
                await asyncio.sleep(0.02)
            async with Api(door["url"], door["token"]) as api:
                life = Life(process, api)
                while True:
                    try:
                        found = await life.state()
                    except ServerGone:
                        await asyncio.sleep(0.02)
                        continue
                    if all(
                        device.link is Link.READY
                        for device in found.devices.values()
                        if device.kind not in ("stage", "other")
                    ):
                        break
                    await asyncio.sleep(0.03)
                yield life
    finally:
        if process.returncode is None:
            os.kill(process.pid, signal.SIGKILL)
        await process.wait()
        log.close()


@asynccontextmanager
async def hardware() -> AsyncIterator[tuple[Mapping[str, Simulator], Mapping[str, str], Ears]]:
    """Devices that outlive the server, and ears on them."""
    wanted: dict[str, tuple[str, Mapping[str, object]]] = {
        "matrix": ("extron_sis", {"inputs": 8, "outputs": 4}),
        "projector": ("pjlink", {}),
        "camera": ("visca", {"presets": PRESETS}),
    }
    ears = Ears()
    async with simulate(wanted) as (simulators, addresses):
        for key, simulator in simulators.items():
            ears.listen(key, simulator)
        yield simulators, addresses, ears


def site_of(folder: Path, addresses: Mapping[str, str]) -> Path:
    """The test room at the addresses of the hardware."""
    room = ROOM.replace("tcp://10.0.0.1:23", addresses["matrix"]).replace("tcp://10.0.0.2:4352", addresses["projector"])
    return write_site(folder, room.replace("udp://10.0.0.3:52381", addresses["camera"]), STEPPED).parent


async def kill_again_and_again(folder: Path, times: int, seed: int) -> None:
    """Each life: look that nothing was sent and everything is shown truly, recall a scene, die somewhere in it."""
    random = Random(seed)
    async with hardware() as (simulators, addresses, ears):
        site, data = site_of(folder, addresses), folder / "data"
        data.mkdir()
        async with alive(site, data):
            await asyncio.sleep(IDLE_S + 2.5)  # a whole poll, and a VISCA line's second thoughts
        questions = set(ears.heard)
        run, moved = "", False
        for life_number in range(times + 1):
            ears.heard.clear()
            async with alive(site, data) as life:
                await asyncio.sleep(IDLE_S)
                sent = [heard for heard in ears.heard if heard not in questions]
                assert sent == [], (life_number, "sent unasked", sent)
                state = await life.state()
                _shown_truly(state, simulators)
                if run:
                    recorded = await _runs(life)
                    offered = state.unfinished.run if state.unfinished else None
                    assert not moved or run in (offered, *recorded), (life_number, run, offered, recorded[:3])
                    assert offered in (None, run) or offered not in recorded
                if life_number == times:
                    break
                ears.heard.clear()
                scene = random.choice(("meeting", "slides", "bertahap", "careful"))
                accepted = await life.api.room("hall").apply(scene, wait=False)
                run = accepted.run or ""
                await asyncio.sleep(random.uniform(0.0, 0.5))
                os.kill(life.process.pid, signal.SIGKILL)
                await life.process.wait()
                await asyncio.sleep(0.05)
                moved = any(heard not in questions for heard in ears.heard)
                # What had left the server may still move hardware: lamps and heads come to rest before the next life.
                await _at_rest(simulators)


def _door(data: Path) -> dict[str, str] | None:
    try:
        found: dict[str, str] = json.loads((data / "server.json").read_text())
    except (OSError, ValueError):
        return None
    return found


async def _runs(life: Life) -> list[str]:
    return [found.id for found in await life.api.room("hall").runs()]


async def _at_rest(simulators: Mapping[str, Simulator]) -> None:
    for _ in range(100):
        one = {key: simulator.snapshot() for key, simulator in simulators.items()}
        await asyncio.sleep(0.05)
        if one == {key: simulator.snapshot() for key, simulator in simulators.items()}:
            return


def _shown_truly(state: RoomState, simulators: Mapping[str, Simulator]) -> None:
    """Every value a page shows as fresh is the device's own; a tile that lights has every goal in truth."""
    for key, simulator in simulators.items():
        truth = simulator.snapshot()
        for name, shown in state.devices[key].properties.items():
            value = tuple(shown.value) if isinstance(shown.value, list) else shown.value
            if (
                shown.fresh
                and value is not None
                and name in truth
                and name.partition(".")[0] in ("power", "route", "mute", "volume", "input", "blank")
            ):
                assert matches(value, truth[name], 1.0), (key, name, value, truth[name])
    for scene in state.scenes.values():
        if scene.light is SceneLight.ACTIVE and scene.run is not None:
            for member in scene.run.members.values():
                truth = simulators[member.device].snapshot()
                if member.property in truth:
                    assert matches(
                        truth[member.property],
                        member.goal if not isinstance(member.goal, list) else tuple(member.goal),
                        1.0,
                    )


def _plain(chunk: bytes) -> bytes:
    """Without what differs from question to question: the number in front of a VISCA datagram."""
    return chunk[8:] if chunk[:2] in (b"\x01\x10", b"\x01\x00", b"\x02\x00") else chunk


@pytest.mark.timeout(240)
async def test_nothing_is_sent_unasked_after_twenty_kills(tmp_path: Path) -> None:
    """Twenty lives, each ended by SIGKILL 0 to 500 ms after a press."""
    await kill_again_and_again(tmp_path, 20, seed=int(time.time()) % 1000)


@pytest.mark.durability
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("seed", range(20))
async def test_nothing_is_sent_unasked_after_a_thousand_kills(tmp_path: Path, seed: int) -> None:
    """The long form: twenty rooms of fifty kills."""
    await kill_again_and_again(tmp_path, 50, seed)
