"""The technician's bench over a real room: who may, what the wire shows, what simulators do, what stays secret."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from uuid import uuid4

import pytest
import socketio

from devices.sdk.connection import Traffic
from devices.sdk.testing.run import obey
from smartroom.control.identity.actors import Actor
from smartroom.control.identity.rights import Action, Resource, may
from smartroom.control.limits import BENCH_LINES, LOG_LENGTH, PATCH_INTERVAL_S, TRACE_LENGTH
from smartroom.control.logbook import LogBook
from smartroom.control.web.technician import NAMESPACE, PRESSES
from smartroom.protocol import PROTOCOL_VERSION
from smartroom.protocol.base import Value
from smartroom.protocol.commands import Accepted, Answer
from smartroom.protocol.people import ActorKind, Role
from smartroom.protocol.technician import Bench, BenchOpened, DeviceHealth, HealthChanged, Traced, TraceLine
from tests.control.web.house import Served, serve
from tests.rooms import ROOM as ROOM_FILE
from tests.rooms import TestRoom, living

ROOM = "hall"
SECRET = "kuda-rahasia-7"


class Consoles:
    """Simulators of this process, spoken to by the lines that a process takes on its standard input."""

    def __init__(self, room: TestRoom) -> None:
        self._room = room

    def faults(self, room: str, device: str) -> str | None:
        """As a simulator describes them."""
        if room != ROOM or device not in self._room.simulators:
            return None
        present = self._room.simulators[device].faults.describe()
        return "" if present == "none" else present

    async def switch_faults(self, room: str, device: str, faults: str) -> str:
        """`fault …`."""
        return self._say(device, f"fault {faults}").partition("faults: ")[2]

    async def press_front(self, room: str, device: str, name: str, value: Value) -> str:
        """`front …`."""
        return self._say(device, f"front {name} {json.dumps(value)}")

    async def cut_power(self, room: str, device: str, seconds: float) -> str:
        """`power-cut …`."""
        return self._say(device, f"power-cut {seconds}")

    def _say(self, device: str, line: str) -> str:
        told = obey(self._room.simulators[device], line)
        if told.startswith("error: "):
            raise ValueError(told)
        return told


@dataclass
class Desk:
    """A technician's page by python-socketio's own client."""

    io: socketio.AsyncClient
    traced: asyncio.Queue[Traced] = field(default_factory=asyncio.Queue)
    health: asyncio.Queue[HealthChanged] = field(default_factory=asyncio.Queue)
    gone: asyncio.Event = field(default_factory=asyncio.Event)

    async def ask(self, event: str, **words: object) -> dict[str, object]:
        """An event and its acknowledgement."""
        answer = await self.io.call(event, words, namespace=NAMESPACE, timeout=5)
        assert isinstance(answer, dict)
        return answer

    async def press(self, event: str, **words: object) -> Answer:
        """A press of now."""
        body = {"id": str(uuid4()), "at": time.time(), "room": ROOM, **words}
        return Answer.model_validate(await self.ask(event, **body))

    async def open(self, room: str = ROOM) -> BenchOpened:
        """Begin."""
        return BenchOpened.model_validate(await self.ask("open", room=room, protocol=PROTOCOL_VERSION))

    async def until(self, device: str, *, silent: bool) -> DeviceHealth:
        """The first health told in which a device was given up, or is back."""
        async with asyncio.timeout(20):
            while True:
                found = (await self.health.get()).health.get(device)
                if found is not None and found.last_error and found.link == ("offline" if silent else "ready"):
                    return found


@dataclass
class Hall:
    """A living room behind a running server, with its bench."""

    room: TestRoom
    served: Served
    log: LogBook

    @asynccontextmanager
    async def desk(self, token: str) -> AsyncIterator[Desk]:
        """A page of the technician's namespace."""
        desk = Desk(socketio.AsyncClient(reconnection=False))
        desk.io.on("trace", lambda body: desk.traced.put_nowait(Traced.model_validate(body)), namespace=NAMESPACE)
        desk.io.on(
            "health", lambda body: desk.health.put_nowait(HealthChanged.model_validate(body)), namespace=NAMESPACE
        )
        desk.io.on("disconnect", lambda *_: desk.gone.set(), namespace=NAMESPACE)
        try:
            await desk.io.connect(
                self.served.origin,
                namespaces=[NAMESPACE],
                transports=["websocket"],
                headers={"Origin": self.served.origin},
                auth={"token": token},
                wait_timeout=3,
            )
            yield desk
        finally:
            await desk.io.disconnect()
            if desk.io.eio.http is not None:
                await desk.io.eio.http.close()

    async def technician(self) -> str:
        """A technician's token."""
        return await self.served.token(Role.TECHNICIAN, ROOM)


@pytest.fixture
async def hall(tmp_path: Path) -> AsyncIterator[Hall]:
    """The test room; its matrix and projector ask for a password that stands in no file."""
    file = ROOM_FILE.replace("inputs: 8,", f'password: "{SECRET}", inputs: 8,').replace(
        "10.0.0.2:4352", f'10.0.0.2:4352", password: "{SECRET}'
    )
    settings = {"matrix": {"password": SECRET}, "projector": {"password": SECRET}}
    with LogBook() as log:
        log.hide([SECRET])
        async with (
            living(tmp_path, file, settings=settings) as room,
            serve(
                tmp_path / "web",
                desks={ROOM: room.live.desk},
                furnish=lambda house: replace(
                    house, benches={ROOM: room.live.bench}, log=log, simulation=Consoles(room)
                ),
            ) as served,
        ):
            yield Hall(room, served, log)


@pytest.mark.parametrize("role", Role)
async def test_who_may(hall: Hall, role: Role) -> None:
    """The bench opens exactly to those whom the table of rights lets read it, and simulators hear only who may simulate; by HTTP likewise."""
    actor = Actor(ActorKind.TOKEN, "x", "x", role, frozenset({ROOM}))
    token = await hall.served.token(role, ROOM)
    reads = may(actor, Action.BENCH_READ, Resource(room=ROOM))
    moves = may(actor, Action.SIMULATE, Resource(room=ROOM))
    assert {Role.TECHNICIAN, Role.ADMIN} >= ({role} if reads else set())
    async with hall.served.client(token) as http:
        device = f"/api/v1/rooms/{ROOM}/devices/matrix"
        for path in (f"/api/v1/rooms/{ROOM}/bench", f"{device}/trace", "/api/v1/log"):
            async with http.get(path) as answer:
                assert (answer.status == 200) is reads, path
        async with http.post(f"{device}/simulator/faults", json={"faults": "none"}) as answer:
            assert (answer.status == 200) is moves
    if not reads:
        with pytest.raises(socketio.exceptions.ConnectionError):
            async with hall.desk(token):
                pass
        return
    async with hall.desk(token) as desk:
        assert set((await desk.open()).bench.health) == {"matrix", "projector", "camera"}
        assert ((await desk.press("faults", device="matrix", faults="none")).ok is not None) is moves


async def test_another_room_and_unknown_events_are_refused(hall: Hall) -> None:
    """A technician of one room opens no other; what stands in no table is forbidden; another protocol is stale."""
    async with hall.desk(await hall.served.token(Role.TECHNICIAN, "aula")) as desk:
        assert "problem" in await desk.ask("open", room=ROOM, protocol=PROTOCOL_VERSION)
        refused = await desk.press("faults", device="matrix", faults="silent")
        assert refused.problem is not None
        assert refused.problem.code == "forbidden"
    async with hall.desk(await hall.technician()) as desk:
        for event in ("set", "run", "_open", "quit"):
            unknown = await desk.press(event)
            assert unknown.problem is not None
            assert unknown.problem.code == "forbidden"
        stale = Answer.model_validate(await desk.ask("open", room=ROOM, protocol=PROTOCOL_VERSION + 1))
        assert stale.problem is not None
        assert stale.problem.code == "stale"


async def test_the_wire_in_order_with_its_meaning(hall: Hall) -> None:
    """A routed output: the bytes that left, then those that came, numbered without a gap, with the command and the reading they became."""
    async with hall.desk(await hall.technician()) as desk:
        await desk.open()
        begun = Traced.model_validate(await desk.ask("trace", device="matrix", since=0))
        reading = await hall.room.live.desk.set("matrix", "route.2", 5, by="teknisi", press="press-12345678")
        assert reading.value == 5
        lines = list(begun.lines)
        async with asyncio.timeout(5):
            while not any(line.meaning and line.kind == "in" and line.meaning.en == "route.2 = 5" for line in lines):
                lines += (await desk.traced.get()).lines
    numbers = [line.number for line in lines]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    assert [line.at for line in lines] == sorted(line.at for line in lines)
    sent = next(index for index, line in enumerate(lines) if line.text == "5*2!")
    out, came, asked, answered = lines[sent : sent + 4]
    assert (out.kind, out.hex, out.note) == ("out", "35 2A 32 21", "operator")
    assert out.meaning is not None
    assert (out.meaning.id, out.meaning.en) == ("atur route.2 = 5", "set route.2 = 5")
    assert (came.kind, came.text) == ("in", "Out02 In05 All\\r\\n")
    assert (asked.kind, asked.text, answered.kind) == ("out", "2%", "in")
    assert answered.meaning is not None
    assert answered.meaning.id == "route.2 = 5"


async def test_no_secret_leaves_the_wire(hall: Hall) -> None:
    """A password that devices are told at login, planted in the log as well, stands in no trace, bench or log, nor does its digest or its hexadecimal."""
    logging.getLogger("smartroom.test").warning(
        "login with %s at tcp://teknisi:%s@10.0.0.1, token sr_abcdefghij", SECRET, "pw1"
    )
    async with hall.served.client(await hall.technician()) as http:
        seen = ""
        for device in hall.room.simulators:
            async with http.get(f"/api/v1/rooms/{ROOM}/devices/{device}/trace") as answer:
                seen += await answer.text()
        for path in (f"/api/v1/rooms/{ROOM}/bench", "/api/v1/log"):
            async with http.get(path) as answer:
                seen += await answer.text()
    assert "login with ***" in seen
    assert '"note":"login"' in seen
    for word in (SECRET, SECRET.encode().hex(" ").upper(), "teknisi:pw1", "sr_abcdefghij"):
        assert word not in seen
    lines = hall.room.live.bench.lines("projector")
    banner = next(line.text for line in lines if line.text.startswith("PJLINK 1 "))
    digest = hashlib.md5((banner[9:17] + SECRET).encode()).hexdigest()  # noqa: S324  # what PJLink asks for
    assert digest not in seen
    assert any(line.kind == "out" and "***" in line.text for line in lines)


async def test_a_silent_device_is_told_with_its_last_words(hall: Hall) -> None:
    """A fault switched at the bench: within seconds health names the unanswered bytes, timeouts and the error; switched off, the device is back."""
    async with hall.desk(await hall.technician()) as desk:
        assert (await desk.open()).bench.facts["matrix"].faults
        Traced.model_validate(await desk.ask("trace", device="matrix", since=0))
        switched = await desk.press("faults", device="matrix", faults="silent")
        assert switched.ok is not None
        assert switched.ok.value == "silent"
        health = await desk.until("matrix", silent=True)
        assert health.faults == "silent"
        assert health.timeouts > 0
        assert health.unanswered != ""
        assert health.last_error is not None
        assert health.last_error.problem.code == "timeout"
        assert hall.room.device("matrix").problem is not None
        assert (await desk.press("faults", device="matrix", faults="none")).ok is not None
        back = await desk.until("matrix", silent=False)
        assert (back.link, back.faults) == ("ready", "")
        assert back.epoch > health.epoch - 1
        lines: list[TraceLine] = []
        while not desk.traced.empty():
            lines += desk.traced.get_nowait().lines
    assert {"silence", "link", "out", "in"} <= {line.kind for line in lines}


async def test_a_hand_at_the_device_and_a_pulled_plug(hall: Hall) -> None:
    """The front panel changes what the room reads; a power cut is told as lost connection; both stand in the trail."""
    async with hall.desk(await hall.technician()) as desk:
        await desk.open()
        pressed = await desk.press("front", device="matrix", property="route.1", value=7)
        assert pressed.ok is not None
        await hall.room.until(lambda: hall.room.device("matrix").properties["route.1"].value == 7)
        assert (await desk.press("power-cut", device="camera", seconds=0.2)).ok is not None
    async with asyncio.timeout(3):
        while len(rows := [row for row in await hall.served.records.trail.read() if row.action == "simulate"]) < 2:
            await asyncio.sleep(0.02)
    assert {row.resource for row in rows} == {"hall/matrix route.1 7", "hall/camera 0.2"}


@pytest.mark.parametrize(
    ("event", "words", "code", "named"),
    [
        ("faults", {"device": "matrix", "faults": "sillent"}, "invalid", "did you mean 'silent'"),
        ("faults", {"device": "matrix", "faults": "delay=many"}, "invalid", "needs a number"),
        ("faults", {"device": "matrix", "faults": "silent\nquit"}, "invalid", "faults"),
        ("faults", {"device": "screen", "faults": "silent"}, "not_found", ""),
        ("front", {"device": "matrix", "property": "route.99", "value": 1}, "invalid", "route.99"),
        ("power-cut", {"device": "matrix", "seconds": -1}, "invalid", "seconds"),
        ("power-cut", {"device": "matrix", "seconds": 5, "at": 1.0}, "expired", ""),
    ],
)
async def test_what_a_simulator_cannot_do_is_named(
    hall: Hall, event: str, words: dict[str, object], code: str, named: str
) -> None:
    """A wrong fault, value, device or an old press is refused, and the answer names it."""
    async with hall.desk(await hall.technician()) as desk:
        answer = await desk.press(event, **words)
    assert answer.problem is not None
    assert answer.problem.code == code
    assert named in answer.problem.detail
    assert hall.room.simulators["matrix"].faults.describe() == "none"


async def test_a_real_room_has_no_faults(tmp_path: Path) -> None:
    """Where nothing is simulated the facts say so and every switch answers `not_found`."""
    async with (
        living(tmp_path) as room,
        serve(
            tmp_path / "web",
            desks={ROOM: room.live.desk},
            furnish=lambda house: replace(house, benches={ROOM: room.live.bench}),
        ) as served,
        served.client(await served.token(Role.TECHNICIAN, ROOM)) as http,
    ):
        async with http.get(f"/api/v1/rooms/{ROOM}/bench") as answer:
            bench = Bench.model_validate(await answer.json())
        assert not any(facts.faults for facts in bench.facts.values())
        for what, body in (
            ("faults", {"faults": "silent"}),
            ("front", {"property": "route.1", "value": 2}),
            ("power-cut", {"seconds": 1}),
        ):
            async with http.post(f"/api/v1/rooms/{ROOM}/devices/matrix/simulator/{what}", json=body) as answer:
                assert answer.status == 404


async def test_a_busy_wire_is_merged_and_bounded(hall: Hall) -> None:
    """A thousand frames in a moment reach a page in a few messages of bounded length, and the page learns how many it missed."""
    trace = hall.room.live.supervisor.charges["camera"].trace
    async with hall.desk(await hall.technician()) as desk:
        await desk.open()
        await desk.ask("trace", device="camera", since=0)
        began, first = time.monotonic(), trace.number
        for number in range(1000):
            trace.traffic(Traffic(time.monotonic(), "out", b"\x81\x01%d\xff" % number))
        messages: list[Traced] = []
        async with asyncio.timeout(5):
            while not messages or messages[-1].lines[-1].number < first + 1000:
                messages.append(await desk.traced.get())
        assert len(messages) <= (time.monotonic() - began) / PATCH_INTERVAL_S + 2
    assert all(len(message.lines) <= BENCH_LINES for message in messages)
    told = sum(len(message.lines) + message.missed for message in messages)
    assert told >= 1000
    assert len(trace.lines()) == TRACE_LENGTH


async def test_a_trace_is_for_who_asked(hall: Hall) -> None:
    """Without asking no wire is sent; after `trace` with null it ends; a device without a wire is named."""
    async with hall.desk(await hall.technician()) as desk:
        await desk.open()
        await hall.room.live.desk.set("matrix", "route.1", 4, by="t", press="press-00000001")
        await asyncio.sleep(PATCH_INTERVAL_S * 3)
        assert desk.traced.empty()
        assert Answer.model_validate(await desk.ask("trace", device="nothing", since=0)).problem is not None
        await desk.ask("trace", device="matrix", since=0)
        assert await desk.io.call("trace", {"device": None}, namespace=NAMESPACE, timeout=5) is None
        await hall.room.live.desk.set("matrix", "route.1", 5, by="t", press="press-00000002")
        await asyncio.sleep(PATCH_INTERVAL_S * 3)
        assert desk.traced.empty()


async def test_an_ended_right_cuts_the_page(hall: Hall) -> None:
    """A technician's token that is revoked is gone from the bench within a second."""
    people = hall.served.people
    issued = await people.tokens.create("bench", Role.TECHNICIAN, [ROOM], "test")
    async with hall.desk(issued.secret) as desk:
        await desk.open()
        assert await people.tokens.revoke(issued.row.id)
        async with asyncio.timeout(2):
            await desk.gone.wait()


async def test_a_command_by_hand_ends_with_the_read_back(hall: Hall) -> None:
    """A technician sets what no panel shows; the answer is what the device reported; a value out of range names its range."""
    async with hall.served.client(await hall.technician()) as http:
        path = f"/api/v1/rooms/{ROOM}/devices/projector/properties/power"
        async with http.put(path, json={"value": "on"}) as answer:
            assert Accepted.model_validate(await answer.json()).value == "on"
        async with http.put(path, json={"value": "warm"}) as answer:
            problem = await answer.json()
    assert problem["code"] == "invalid"
    assert "one of on, off" in problem["detail"]


async def test_the_bench_by_http_tells_what_a_technician_asks_first(hall: Hall) -> None:
    """Counters, round trips, queue, facts of properties and actions; lines after a number."""
    async with hall.served.client(await hall.technician()) as http:
        async with http.get(f"/api/v1/rooms/{ROOM}/bench") as answer:
            bench = Bench.model_validate(await answer.json())
        health, facts = bench.health["matrix"], bench.facts["matrix"]
        assert (health.link, health.epoch, health.waiting) == ("ready", 1, 0)
        assert health.sent > 0
        assert health.received > 0
        assert health.p95_ms is not None
        assert health.read_at is not None
        assert abs(time.time() - health.read_at) < 10
        assert facts.properties["route.1"].settable
        assert not facts.properties["firmware"].settable
        assert facts.actions["recall_preset"].arguments == {"number": "integer"}
        path = f"/api/v1/rooms/{ROOM}/devices/matrix/trace"
        async with http.get(path) as answer:
            lines = Traced.model_validate(await answer.json()).lines
        async with http.get(path, params={"since": lines[-2].number}) as answer:
            assert Traced.model_validate(await answer.json()).lines[0].number == lines[-1].number


def test_the_log_keeps_the_newest_lines_masked() -> None:
    """The book is bounded; a secret that becomes known later is masked in what was kept; debug lines stay out."""
    logger = logging.getLogger("smartroom.test")
    with LogBook() as log:
        logger.debug("not kept")
        for number in range(LOG_LENGTH + 10):
            logger.error("line %d %s", number, SECRET)
        assert SECRET in log.lines()[-1].text
        log.hide([SECRET, "x"])
        lines = log.lines()
        assert (len(lines), lines[-1].number, lines[0].number) == (LOG_LENGTH, LOG_LENGTH + 10, 11)
        assert not any(SECRET in line.text for line in lines)
        assert [line.level for line in log.lines(LOG_LENGTH + 9)] == ["error"]
    logger.error("after the end")
    assert log.number == LOG_LENGTH + 10


def test_every_event_stands_in_the_document() -> None:
    """docs/protocol.md names each press of the namespace with its message."""
    document = (Path(__file__).parents[3] / "docs" / "protocol.md").read_text()
    for event, model in PRESSES.items():
        assert f"| `{event}` | `{model.__name__}` |" in document
