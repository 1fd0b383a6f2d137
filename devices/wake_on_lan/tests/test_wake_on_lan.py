"""Packets byte by byte, and a machine that is woken over real sockets: with a port to ask, and without."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from devices.sdk import (
    Address,
    BadSetting,
    LinkState,
    NotSupported,
    Query,
    ReadingSource,
    Session,
    Set,
    Settings,
    Unreachable,
    load_family,
    parse_address,
)
from devices.sdk.testing.rig import AtOnce, Witness, quick, rig
from devices.sdk.testing.stage import Stage
from devices.sdk.transport import wake
from devices.wake_on_lan import protocol

FAMILY = load_family(Path(__file__).parent.parent)
MAC = "02:53:4d:52:00:01"
PACKET = bytes.fromhex("ff ff ff ff ff ff" + " 02 53 4d 52 00 01" * 16)


def test_the_packet_is_the_publications() -> None:
    """102 bytes: six FF and the address sixteen times."""
    assert protocol.magic_packet(bytes.fromhex("02534d520001")) == PACKET
    assert len(PACKET) == 102


@pytest.mark.parametrize("text", [MAC, "02-53-4D-52-00-01", "02534d520001", f" {MAC} "])
def test_addresses_as_people_write_them(text: str) -> None:
    """Colons, dashes or nothing between; either case."""
    assert protocol.parse_mac(text) == bytes.fromhex("02534d520001")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "02:53:4d:52:00",
        "02:53-4d:52:00:01",
        "gg:53:4d:52:00:01",
        "ff:ff:ff:ff:ff:ff",
        "01:00:5e:00:00:01",
        "00:00:00:00:00:00",
    ],
)
def test_what_names_no_single_card_is_refused(text: str) -> None:
    """Mixed forms, too short, no hex, groups and the empty address: told when the room file is read, with an example."""
    assert protocol.parse_mac(text) is None
    with pytest.raises(BadSetting, match="02:53:4d:52:00:01"):
        FAMILY.driver(FAMILY.manifest, Settings(FAMILY.manifest, {"mac": text}))


@given(st.binary(min_size=6, max_size=6))
def test_every_card_has_its_packet(mac: bytes) -> None:
    """What is written comes back, whoever made the card."""
    if protocol.parse_mac(mac.hex()) is not None:
        assert protocol.magic_packet(mac).count(mac) >= 16


def test_a_machine_cannot_be_put_to_sleep() -> None:
    """Off is no value that can be asked for."""
    driver = FAMILY.driver(FAMILY.manifest, Settings(FAMILY.manifest, {"mac": MAC}))
    with pytest.raises(BadSetting):
        driver.encode(Set("power", "off"))


def test_a_plan_shows_three_packets() -> None:
    """Nobody answers them, so none is waited for."""
    driver = FAMILY.driver(FAMILY.manifest, Settings(FAMILY.manifest, {"mac": MAC}))
    frames = driver.encode(Set("power", "on"))
    assert [(frame.payload, frame.answered) for frame in frames] == [(PACKET, False)] * 3


def test_without_a_port_power_cannot_be_read() -> None:
    """The address decides: no port, no question."""
    driver = FAMILY.driver(FAMILY.manifest, Settings(FAMILY.manifest, {"mac": MAC}))
    driver.attach(parse_address("wake://10.20.0.30", driver.manifest))
    assert driver.snapshot() == ()
    with pytest.raises(NotSupported):
        driver.encode(Query("power"))


async def test_an_unproven_machine_stays_unverified() -> None:
    """The packets go out over a real socket, and the reading says that nobody knows."""
    manifest, told = quick(FAMILY.manifest), Witness()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as card:
        card.bind(("127.0.0.1", 0))
        card.setblocking(False)
        at = parse_address(f"wake://127.0.0.1?via=127.0.0.1:{card.getsockname()[1]}", manifest)
        session = Session(FAMILY.driver(manifest, Settings(manifest, {"mac": MAC})), at, told, random=AtOnce())
        async with asyncio.TaskGroup() as tasks, asyncio.timeout(5):
            life = tasks.create_task(session.run())
            while session.status.state is not LinkState.READY:
                await asyncio.sleep(0.002)
            await session.execute(Set("power", "on"))
            heard = [await asyncio.get_running_loop().sock_recv(card, 200) for _ in range(3)]
            life.cancel()
    reading = session.reading("power")
    assert reading is not None
    assert heard == [PACKET] * 3
    assert (reading.value, reading.source, reading.verified) == ("on", ReadingSource.WRITTEN, False)


async def test_a_machine_is_woken_and_proven() -> None:
    """Off by probe, woken, on by probe: never by the sending itself."""
    async with rig(FAMILY, wire="wake") as one:
        assert (await one.session.read("power")).value == "off"
        one.simulator.faults.update("warmup=0.1")
        await one.session.execute(Set("power", "on"))
        assert (await one.session.read("power")).value == "off"
        reading = await one.bring("power", "on")
    assert reading.verified


async def test_somebody_elses_packet_wakes_nobody() -> None:
    """A card listens for its own address only."""
    async with rig(FAMILY, wire="wake", device={"mac": "02:53:4d:52:00:02"}) as one:
        one.simulator.faults.update("warmup=0")
        await one.session.execute(Set("power", "on"))
        await asyncio.sleep(0.05)
        assert (await one.session.read("power")).value == "off"


async def test_who_is_shut_down_is_seen() -> None:
    """The poll notices the closed port."""
    async with rig(FAMILY, wire="wake", prepare=lambda one: one.state.update(power="off")) as one:
        await one.bring("power", "on")
        one.simulator.front_panel("power", "off")
        await one.until(lambda: one.session.reading("power").value == "off")  # type: ignore[union-attr]


async def test_probe_tells_three_things_apart() -> None:
    """A port that listens, one whose queue is full so that nothing comes back, and one that refuses."""

    async def probe(limit: float) -> bytes:
        line = await wake.open(Address("wake", host="127.0.0.1", port=port))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(wake, "PROBE_LIMIT_S", limit)
            await line.send(wake.PROBE)
        answer = await line.receive()
        line.close()
        line.close()
        return answer

    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        port = listener.getsockname()[1]
        answers = [await probe(1.0)]
        crowd = [socket.socket() for _ in range(4)]
        for one in crowd:
            one.setblocking(False)
            one.connect_ex(("127.0.0.1", port))
        answers.append(await probe(0.05))
    for one in crowd:
        one.close()
    answers.append(await probe(1.0))
    assert answers == [wake.OPEN, wake.SILENT, wake.REFUSED]


@pytest.mark.parametrize("via", ["tetangga", "10.20.0", "10.20.0.255:0", "10.20.0.255:banyak"])
async def test_a_wrong_way_out_is_a_setting(via: str) -> None:
    """It says what a broadcast address looks like."""
    with pytest.raises(BadSetting):
        await wake.open(Address("wake", host="10.20.0.30", options={"via": via}))


async def test_no_network_is_unreachable() -> None:
    """This machine itself cannot send there."""
    line = await wake.open(Address("wake", host="10.20.0.30"))
    line._socket.close()
    with pytest.raises(Unreachable):
        await line.send(PACKET)
    line.close()


class Machine(RuleBasedStateMachine):
    """Whoever wakes it and whoever shuts it down: the probe tells the truth."""

    def __init__(self) -> None:
        super().__init__()
        self.stage = Stage(rig(FAMILY, wire="wake", timing={"poll_s": 0}))

    def teardown(self) -> None:
        """End session and machine."""
        self.stage.close()

    @rule()
    def wake(self) -> None:
        """Woken, it is on after a while."""
        self.stage.rig.simulator.faults.update("warmup=0.005")
        self.stage.run(self.stage.rig.bring("power", "on"))
        assert self.stage.rig.simulator.state["power"] == "on"

    @rule(power=st.sampled_from(["on", "off"]))
    def by_hand(self, power: str) -> None:
        """The button of the machine."""

        async def press() -> None:
            self.stage.rig.simulator.front_panel("power", power)

        self.stage.run(press())

    @rule()
    def mains(self) -> None:
        """A power cut: asleep afterwards."""

        async def cut() -> None:
            self.stage.rig.simulator.power_cut(0.01)
            await self.stage.rig.until(lambda: not self.stage.rig.simulator.off)

        self.stage.run(cut())

    @invariant()
    def what_is_read_is_true(self) -> None:
        """A fresh probe says what the machine is."""
        reading = self.stage.run(self.stage.rig.session.read("power"))
        assert reading.value == self.stage.rig.simulator.state["power"]


Machine.TestCase.settings = settings(
    max_examples=8, stateful_step_count=12, deadline=None, suppress_health_check=list(HealthCheck)
)
test_random_walks_end_in_the_truth = Machine.TestCase
