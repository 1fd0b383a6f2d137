"""Driver against simulator and against a board by others, over real sockets and pseudo terminals; random walks."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from pymodbus.framer import FramerType
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from devices.modbus_relay.tests.test_conversation import FAMILY
from devices.sdk import (
    Busy,
    LinkState,
    Priority,
    ReplyTimeout,
    Salvo,
    Session,
    Set,
    Settings,
    Unreachable,
    parse_address,
)
from devices.sdk.testing.rig import AtOnce, Witness, quick, rig
from devices.sdk.testing.stage import Stage

SMALL = {"relays": 4, "unit": 3}
_RELAY = FAMILY.manifest.properties["relay.*"]
PATIENT_CONTACTS = replace(
    FAMILY,
    manifest=FAMILY.manifest.model_copy(
        update={"properties": {"relay.*": _RELAY.model_copy(update={"min_interval_s": 0})}}
    ),
)
"""A board whose contacts may be switched at any time."""


@pytest.mark.parametrize(("wire", "framing"), [("tcp", "auto"), ("tcp", "rtu"), ("serial", "auto")])
async def test_closes_and_opens(wire: str, framing: str) -> None:
    """Known by read-back over Modbus/TCP, RTU over TCP and serial RTU."""
    async with rig(PATIENT_CONTACTS, wire=wire, settings={**SMALL, "framing": framing}) as one:
        await one.bring("relay.3", value=True)
        assert one.simulator.snapshot()["relay.3"] is True
        await one.bring("relay.3", value=False)
        await one.session.execute(
            Salvo((Set("relay.1", value=True), Set("relay.2", value=True), Set("relay.4", value=True)))
        )
        assert list(one.simulator.snapshot().values()) == [True, True, False, True]


async def test_contacts_are_spared() -> None:
    """A contact that was switched a moment ago is Busy, with the time left; what it already is may be said again, safety goes first."""
    async with rig(FAMILY, settings=SMALL) as one:
        await one.bring("relay.1", value=True)
        with pytest.raises(Busy, match="contacts wear") as refusal:
            await one.session.execute(Set("relay.1", value=False))
        assert 0 < refusal.value.retry_after <= 0.5
        await one.session.execute(Set("relay.1", value=True))
        await one.session.execute(Set("relay.2", value=True))
        await one.session.execute(Set("relay.1", value=False), priority=Priority.SAFETY)
        assert one.simulator.snapshot()["relay.1"] is False


async def test_wrong_framing_and_address_are_offline() -> None:
    """RTU to a board that speaks Modbus/TCP, and another board's address: no answer, and it says so."""
    wrong: list[Mapping[str, object]] = [{**SMALL, "framing": "rtu"}, {**SMALL, "unit": 9}]
    for ours in wrong:
        async with rig(FAMILY, settings=ours, device=SMALL, ready=False, timing={"reply_timeout_ms": 60}) as one:
            await one.reach(LinkState.OFFLINE)


async def test_a_smaller_board_than_told_is_found() -> None:
    """Eight relays asked of a board with four: refused as such, never guessed."""
    async with rig(FAMILY, settings={"relays": 8}, device={"relays": 4}) as one:
        assert "relay.1" in one.session.unsupported
        assert one.session.reading("relay.1") is None


async def test_power_cut_opens_all_contacts() -> None:
    """Back with a new epoch and every contact open, by reading."""
    async with rig(PATIENT_CONTACTS, settings=SMALL) as one:
        await one.bring("relay.2", value=True)
        one.simulator.power_cut(0.05)
        await one.reach(LinkState.OFFLINE, LinkState.CONNECTING)
        await one.reach(LinkState.READY)
        reading = await one.session.read("relay.2")
    assert (reading.value, reading.epoch) == (False, 2)


@pytest.mark.parametrize("framing", ["tcp", "rtu"])
async def test_drives_a_board_by_others(framing: str) -> None:
    """Pymodbus' server, in both envelopes: read, single and joint writes, and its refusal of a relay it lacks."""
    bits = [SimData(0, values=[False] * 4, datatype=DataType.BITS)]
    nothing = [SimData(0, values=0)]
    board = SimDevice(id=1, simdata=(bits, bits, nothing, nothing))
    server = ModbusTcpServer(
        board, framer=FramerType.SOCKET if framing == "tcp" else FramerType.RTU, address=("127.0.0.1", 0)
    )
    await server.serve_forever(background=True)
    assert server.transport is not None
    port = server.transport.sockets[0].getsockname()[1]  # type: ignore[attr-defined]  # a listening server
    manifest = quick(PATIENT_CONTACTS.manifest)
    driver = FAMILY.driver(manifest, Settings(manifest, {"relays": 4, "framing": framing}))
    told = Witness()
    session = Session(driver, parse_address(f"tcp://127.0.0.1:{port}", manifest), told, random=AtOnce())
    try:
        async with asyncio.TaskGroup() as tasks:
            life = tasks.create_task(session.run())
            async with asyncio.timeout(5):
                while session.status.state is not LinkState.READY:
                    await asyncio.sleep(0.005)
                await session.execute(Set("relay.2", value=True))
                assert (await session.read("relay.2")).value is True
                await session.execute(Salvo((Set("relay.3", value=True), Set("relay.4", value=True))))
                states = [(await session.read(f"relay.{number}")).value for number in (1, 2, 3, 4)]
            life.cancel()
    finally:
        await server.shutdown()  # type: ignore[no-untyped-call]  # it says nothing of itself
    assert states == [False, True, True, True]


class Board(RuleBasedStateMachine):
    """Whatever is done from both ends and to the line, what is read is what the contacts are."""

    def __init__(self) -> None:
        super().__init__()
        self.stage = Stage(
            rig(PATIENT_CONTACTS, settings=SMALL, wire="serial", timing={"poll_s": 0, "reply_timeout_ms": 300})
        )
        self.wanted = dict(self.stage.rig.simulator.snapshot())

    def teardown(self) -> None:
        """End session and board."""
        self.stage.close()

    async def _send(self, command: Set | Salvo) -> None:
        for _ in range(5):
            try:
                await self.stage.rig.session.execute(command)
            except (Unreachable, ReplyTimeout):
                await self.stage.rig.reach(LinkState.READY)
            else:
                return
        raise AssertionError(f"{command} never went through")

    @rule(channel=st.integers(1, 4), on=st.booleans())
    def switch(self, channel: int, *, on: bool) -> None:
        """One contact."""
        self.stage.run(self._send(Set(f"relay.{channel}", on)))
        self.wanted[f"relay.{channel}"] = on

    @rule(states=st.dictionaries(st.integers(1, 4), st.booleans(), min_size=1))
    def switch_together(self, states: dict[int, bool]) -> None:
        """Several at once, neighbours or not."""
        sets = tuple(Set(f"relay.{channel}", on) for channel, on in states.items())
        self.stage.run(self._send(Salvo(sets)))
        self.wanted |= {item.property: item.value for item in sets}

    @rule(channel=st.integers(1, 4), on=st.booleans())
    def by_hand(self, channel: int, *, on: bool) -> None:
        """Another controller."""
        self.stage.rig.simulator.front_panel(f"relay.{channel}", on)
        self.wanted[f"relay.{channel}"] = on

    @rule(fault=st.sampled_from(["half", "join", "delay=0.005", "duplicate=2", "shuffle", "garbage=0.3", "none"]))
    def weather(self, fault: str) -> None:
        """The line gets better or worse."""
        self.stage.rig.simulator.faults.update(f"none,{fault}")

    @invariant()
    def contacts_are_as_wanted_and_read(self) -> None:
        """Every command took effect, no other did, and a fresh read says the same."""

        async def look() -> dict[str, object]:
            for _ in range(5):
                try:
                    return {name: (await self.stage.rig.session.read(name)).value for name in self.wanted}
                except (Unreachable, ReplyTimeout):
                    await self.stage.rig.reach(LinkState.READY)
            raise AssertionError("could not be read")

        assert self.stage.rig.simulator.snapshot() == self.wanted
        assert self.stage.run(look()) == self.wanted


Board.TestCase.settings = settings(
    max_examples=8, stateful_step_count=12, deadline=None, suppress_health_check=list(HealthCheck)
)
test_random_walks_end_in_the_truth = Board.TestCase
