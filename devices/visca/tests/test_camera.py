"""Driver, session and simulated camera over real sockets and pseudo terminals."""

from __future__ import annotations

import asyncio
import socket

import pytest

from devices.sdk.catalog import open_session
from devices.sdk.commands import Act, Priority, Set
from devices.sdk.connection import LinkState
from devices.sdk.errors import Busy, NotSupported, Superseded
from devices.sdk.readings import ReadingSource
from devices.sdk.settings import Settings
from devices.sdk.testing.rig import Witness
from devices.visca import simulator
from devices.visca.simulator import Quirk, ViscaSimulator
from devices.visca.tests.rig import FAMILY, WIRES, rig


@pytest.mark.parametrize("wire", WIRES)
async def test_whole_state(wire: str) -> None:
    """Every property is set, moves, and is read back from the camera itself."""
    async with rig(wire) as it:
        assert {"power", "preset", "position", "zoom"} <= {reading.property for reading in it.told.readings}
        await it.session.execute(Set("position", (800, -100)))
        await it.session.execute(Set("zoom", 5000))
        assert (await it.reads("position", (800, -100))).verified
        assert (await it.reads("zoom", 5000)).verified
        assert it.camera.snapshot() == {"power": "on", "preset": None, "position": (800, -100), "zoom": 5000}
        await it.session.execute(Set("power", "off"))
        await it.reads("power", "off")
        with pytest.raises(Busy):
            await it.session.execute(Set("zoom", 0))
        await it.session.execute(Set("power", "on"), wait_done=True)
        await it.reads("power", "on")


@pytest.mark.parametrize("wire", WIRES)
async def test_configured_preset_is_verified(wire: str) -> None:
    """A recall of a preset with a known position becomes a derived reading when the head has arrived."""
    async with rig(wire) as it:
        await it.session.execute(Set("preset", "podium"))
        reading = await it.reads("preset", 1)
        assert reading.source is ReadingSource.DERIVED
        assert it.camera.snapshot()["position"] == (-400, 30)


async def test_unknown_preset_is_never_green() -> None:
    """Without a known position the recall is carried out and reported as written, not verified."""
    async with rig("tcp") as it:
        await it.session.execute(Set("preset", "seats"), wait_done=True)
        reading = await it.reads("preset", 2)
        assert reading.source is ReadingSource.WRITTEN
        assert not reading.verified


async def test_stored_preset_is_learnt() -> None:
    """Storing tells where it was, and a recall from elsewhere is then verified."""
    async with rig("udp") as it:
        await it.session.execute(Set("position", (100, 50)), wait_done=True)
        await it.session.execute(Act("store_preset", {"number": 9}))
        assert it.told.facts == {"preset.9": (100, 50, 0)}
        await it.session.execute(Act("home"), wait_done=True)
        assert (await it.session.read("preset")).value is None
        await it.session.execute(Set("preset", 9))
        assert (await it.reads("preset", 9)).verified


async def test_moving_is_pending() -> None:
    """While the head moves its position is on the way and no preset is claimed; the completion comes when it stops."""
    async with rig("tcp", pace=4) as it:
        motion = asyncio.create_task(it.session.execute(Set("preset", 1), wait_done=True))
        await it.until(lambda: it.camera.head.place()[0] < -20)
        seen = await it.session.read("preset")
        assert seen.value is None
        assert not motion.done()
        await motion
        assert (await it.session.read("preset")).value == 1


async def test_new_goal_cancels_the_old_one() -> None:
    """A second recall cancels the first by its socket, whose waiter is told; the head goes to the newer goal only."""
    async with rig("tcp", pace=2) as it:
        first = asyncio.create_task(it.session.execute(Set("position", (2000, 0)), wait_done=True))
        await it.until(lambda: it.camera.head.place()[0] > 50)
        await it.session.execute(Set("position", (0, 0)))
        with pytest.raises(Superseded):
            await first
        assert bytes.fromhex("81 21 FF") in it.told.sent
        await it.reads("position", (0, 0))


async def test_two_axes_move_together() -> None:
    """Head and zoom take one socket each and neither waits for the other; a question needs no socket."""
    async with rig("tcp", pace=2) as it:
        both = [
            asyncio.create_task(it.session.execute(Set("position", (1000, 0)), wait_done=True)),
            asyncio.create_task(it.session.execute(Set("zoom", 6000), wait_done=True)),
        ]
        await it.until(lambda: len(it.camera._jobs) == 2)
        assert (await it.session.read("power")).value == "on"
        await asyncio.gather(*both)


@pytest.mark.parametrize("wire", WIRES)
async def test_dead_man(wire: str) -> None:
    """A drive that nobody renews stops by itself; a renewed one goes on."""
    async with rig(wire, pace=1, settings={"deadman_s": 0.2}) as it:
        drive = Act("drive", {"pan": 1, "tilt": 0.5})
        for _ in range(4):
            await it.session.execute(drive)
            await asyncio.sleep(0.1)
        assert not it.still()
        await it.session.execute(Act("drive_zoom", {"speed": 1}))
        await it.until(it.still)
        assert it.camera.head.place()[0] < 1500


async def test_dead_man_insists() -> None:
    """The stop is repeated until the camera takes it, whatever it answers meanwhile."""
    async with rig("tcp", pace=1, settings={"deadman_s": 0.1}) as it:
        await it.session.execute(Act("drive", {"pan": 0.3, "tilt": 0}))
        it.camera.faults.update("nak=1")
        await asyncio.sleep(0.4)
        assert not it.still()
        it.camera.faults.update("none")
        await it.until(it.still)


async def test_dead_man_survives_a_lost_stop() -> None:
    """A stop pressed by hand that is refused does not call the dead-man's stop off."""
    async with rig("tcp", pace=1, settings={"deadman_s": 0.2}) as it:
        await it.session.execute(Act("drive", {"pan": 0.3, "tilt": 0}))
        it.camera.faults.update("nak=1")
        with pytest.raises(Busy):
            await it.session.execute(Act("drive", {"pan": 0, "tilt": 0}))
        it.camera.faults.update("none")
        await it.until(it.still)


async def test_dead_man_after_a_lost_connection() -> None:
    """A connection that breaks during a drive is made again, and the head is stopped first thing."""
    async with rig("tcp", pace=0.3, settings={"deadman_s": 0.1}) as it:
        await it.session.execute(Act("drive", {"pan": 0.2, "tilt": 0}))
        for client in list(it.camera.clients):
            client.reset()
        await it.until(lambda: it.session.epoch == 2)
        await it.until(it.still)


async def test_dead_man_when_the_session_ends() -> None:
    """A server that stops does not leave a head turning."""
    async with rig("tcp", pace=1) as it:
        await it.session.execute(Act("drive", {"pan": 0.2, "tilt": 0}))
        camera = it.camera
        camera.close, closed = _later, camera.close  # type: ignore[method-assign]
    await it.until(lambda: camera.head.remaining(camera.head.ALL) == 0)
    await closed()


async def _later() -> None:
    """Stay open a little longer than the session."""


async def test_preset_calls_the_dead_man_off() -> None:
    """A recall during a drive is not stopped half way by the drive's dead-man."""
    async with rig("tcp", pace=4, settings={"deadman_s": 0.1}) as it:
        await it.session.execute(Act("drive", {"pan": 1, "tilt": 0}))
        await it.session.execute(Set("preset", 1), wait_done=True)
        assert (await it.session.read("preset")).value == 1


@pytest.mark.parametrize("wire", WIRES)
async def test_stop_is_never_refused_for_want_of_a_socket(wire: str) -> None:
    """With both sockets taken, stop frees them and stops everything."""
    async with rig(wire, pace=1) as it:
        await it.session.execute(Set("position", (2000, 0)))
        await it.session.execute(Set("zoom", 16000))
        await it.session.execute(Act("stop"))
        assert it.still()


async def test_stop_beats_another_controller() -> None:
    """A joystick's motions hold both sockets: our stop cancels them and gets through."""
    async with rig("tcp", pace=1) as it:
        reader, writer = await asyncio.open_connection("127.0.0.1", it.session.address.port)
        writer.write(bytes.fromhex("81 01 06 02 18 14 00 05 00 00 00 00 00 00 FF 81 01 04 47 02 00 00 00 FF"))
        await reader.readexactly(6)
        await it.session.execute(Act("stop"), priority=Priority.SAFETY)
        assert it.still()
        writer.close()
        await writer.wait_closed()


async def test_buffer_full_waits() -> None:
    """Another controller holds both sockets: our command waits for one and is then carried out."""
    async with rig("tcp", pace=4) as it:
        reader, writer = await asyncio.open_connection("127.0.0.1", it.session.address.port)
        writer.write(bytes.fromhex("81 01 06 02 18 14 00 05 00 00 00 00 00 00 FF 81 01 04 47 02 00 00 00 FF"))
        await reader.readexactly(6)
        await it.session.execute(Act("store_preset", {"number": 5}))
        assert 5 in it.camera.stored
        writer.close()
        await writer.wait_closed()


async def test_unknown_command_is_not_supported() -> None:
    """What lies outside the mechanics is refused with the camera's own code."""
    async with rig("tcp") as it:
        with pytest.raises(NotSupported) as caught:
            await it.session.execute(Set("position", (30000, 0)))
        assert caught.value.device_code == "60 02"


@pytest.mark.parametrize("wire", ["tcp", "udp", "bare-udp"])
@pytest.mark.parametrize("quirk", [quirk for quirk in Quirk if quirk is not Quirk.FIXED_PORT])
async def test_quirks(wire: str, quirk: Quirk) -> None:
    """Whatever real cameras were seen to do, commands are carried out and states are read."""
    async with rig(wire, quirks=(quirk,)) as it:
        for number in range(3):
            await it.session.execute(Set("position", (100 * number, 10)))
            await it.reads("position", (100 * number, 10))
            await it.session.execute(Set("zoom", 1000 * number), wait_done=True)
            await it.reads("zoom", 1000 * number)
        await it.session.execute(Set("preset", 1))
        await it.reads("preset", 1)
        assert it.session.epoch == 1


async def test_answers_to_a_fixed_port(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Sony camera that answers to one port, whoever asks, is heard on a shared local socket."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("0.0.0.0", 0))
        port = free.getsockname()[1]
    monkeypatch.setattr(simulator, "SONY_PORT", port)
    settings = Settings(FAMILY.manifest, {})
    async with ViscaSimulator(FAMILY.manifest, settings) as camera, asyncio.TaskGroup() as tasks:
        camera.quirks.add(Quirk.FIXED_PORT)
        at = f"udp://127.0.0.1:{await camera.serve_udp()}?local={port}"
        session = open_session(FAMILY, {}, at, Witness())
        life = tasks.create_task(session.run())
        async with asyncio.timeout(5):
            while session.status.state is not LinkState.READY:
                await asyncio.sleep(0.005)
        assert (await session.read("zoom")).value == 0
        life.cancel()


@pytest.mark.parametrize("fault", ["drop=0.2", "drop_ack=0.2", "duplicate=2", "shuffle", "delay=0.05"])
@pytest.mark.parametrize("wire", ["udp", "bare-udp"])
async def test_lossy_network(wire: str, fault: str) -> None:
    """Datagrams that get lost, doubled, late or out of order: who asks again gets there, and no reading is ever false."""
    async with rig(wire) as it:
        await it.session.execute(Set("zoom", 12000), wait_done=True)
        it.camera.faults.update(fault)
        for goal in range(0, 500, 100):
            await it.insist(lambda goal=goal: it.session.execute(Set("zoom", goal)))  # type: ignore[misc]
            await it.insist(lambda goal=goal: it.reads("zoom", goal))  # type: ignore[misc]
            assert it.camera.snapshot()["zoom"] == goal


async def test_repetition_bears_the_same_number() -> None:
    """The same bytes go out again, and 0F 01 counts as success."""
    async with rig("udp") as it:
        it.camera.faults.update("drop_ack=1")
        sent = len(it.told.sent)
        pressed = asyncio.create_task(it.session.execute(Set("zoom", 400)))
        await it.until(lambda: it.camera.head.place()[2] == 400)
        await it.until(lambda: len(it.told.sent) > sent)
        it.camera.faults.update("none")
        await pressed
        zooms = [payload for payload in it.told.sent if payload[9:12] == b"\x01\x04\x47"]
        assert len(zooms) > 1
        assert len(set(zooms)) == 1


async def test_camera_reboots() -> None:
    """After a power cut the session comes back by itself and reads everything anew."""
    async with rig("tcp") as it:
        it.camera.power_cut(0.1)
        await it.until(lambda: it.session.epoch > 1)
        await it.ready()
        assert (await it.session.read("power")).value == "on"


async def test_chain_is_numbered() -> None:
    """Camera 3 of a chain answers as 3 only after the chain was numbered, and again after it was switched on anew."""
    async with rig("serial", settings={"address": 3}) as it:
        assert it.told.sent[:2] == [bytes.fromhex("88 30 01 FF"), bytes.fromhex("88 01 00 01 FF")]
        await it.reads("zoom", 0)
        it.camera.power_cut(0.01)
        await it.until(lambda: it.session.epoch > 1)
        await it.ready()
        await it.session.execute(Set("zoom", 77))
        await it.reads("zoom", 77)


async def test_network_change_in_a_chain() -> None:
    """A network change in the middle of an answer: the chain is numbered again and the session goes on."""
    async with rig("serial") as it:
        it.camera.quirks.add(Quirk.TORN_REPLY)
        await it.until(lambda: it.session.status.state is LinkState.OFFLINE)
        it.camera.quirks.clear()
        await it.ready()
        assert it.told.sent.count(bytes.fromhex("88 30 01 FF")) > 1
        assert (await it.session.read("power")).value == "on"


@pytest.mark.parametrize("fault", ["half", "join", "garbage=0.2", "flip=0.005", "cut=0.05", "duplicate=2"])
@pytest.mark.parametrize("wire", ["tcp", "serial"])
async def test_rough_line(wire: str, fault: str) -> None:
    """Noise, torn, joined and doubled replies on a stream: commands get there, and what is read at last is true."""
    async with rig(wire) as it:
        it.camera.faults.update(fault)
        for goal in range(100, 400, 100):
            await it.insist(lambda goal=goal: it.session.execute(Set("zoom", goal)))  # type: ignore[misc]
            await it.insist(lambda goal=goal: it.reads("zoom", goal))  # type: ignore[misc]
        it.camera.faults.update("none")
        await it.insist(lambda: it.reads("zoom", 300))


async def test_liar_is_found_out() -> None:
    """A camera that acknowledges and does nothing is not believed: the reading says where it is."""
    async with rig("tcp", faults="lie") as it:
        await it.session.execute(Set("preset", 1), wait_done=True)
        assert (await it.session.read("preset")).value is None
        assert (await it.session.read("position")).value == (0, 0)


async def test_silent_camera_goes_offline() -> None:
    """A camera that stops answering is shown offline."""
    async with rig("udp") as it:
        it.camera.faults.update("silent")
        await it.until(lambda: it.session.status.state is LinkState.OFFLINE)
