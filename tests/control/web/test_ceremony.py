"""The ceremony through the door: pads, walls and operators over real sockets, texts and documents over HTTP, and who may what."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import socketio
from PIL import Image

from smartroom.control.ceremony.ceremonies import Ceremonies
from smartroom.control.ceremony.ports import Rules
from smartroom.control.ceremony.trust import HouseConfined
from smartroom.control.errors import ProblemError
from smartroom.control.web.ceremony import NAMESPACE, PRESSES
from smartroom.protocol import PROTOCOL_VERSION
from smartroom.protocol.ceremony import CeremonyStage, InkBatch
from smartroom.protocol.people import ActorKind, Role
from tests.ceremonies import ALONE, Pen, rest, until
from tests.control.web.house import PASSWORD, ROOM, Served, add, serve
from tests.walls import png


class Face:
    """A page of the ceremony by python-socketio's own client; remembers everything it was told."""

    def __init__(self) -> None:
        self.io = socketio.AsyncClient(reconnection=False)
        self.told: list[tuple[str, Any]] = []
        self.state: dict[str, Any] = {}
        for event in ("ink", "durable", "patch"):
            self.io.on(event, self._hear(event), namespace=NAMESPACE)

    def _hear(self, event: str) -> Any:
        async def heard(words: Any) -> None:
            self.told.append((event, words))
            if event == "patch":
                for change in words["changes"]:
                    place = self.state
                    for step in change["path"][:-1]:
                        place = place[step]
                    place[change["path"][-1]] = change["value"]

        return heard

    def heard(self, event: str) -> list[Any]:
        """Words of an event, in order."""
        return [words for name, words in self.told if name == event]

    async def say(self, event: str, **words: object) -> dict[str, Any]:
        """Send an event, return its acknowledgement."""
        answer = await self.io.call(event, words, namespace=NAMESPACE, timeout=10)
        assert isinstance(answer, dict)
        return answer

    async def press(self, event: str, ceremony: str, **words: object) -> dict[str, Any]:
        """A press of now."""
        asked = {"id": str(uuid4()), "at": time.time(), "room": ROOM, "ceremony": ceremony, **words}
        return await self.say(event, **asked)

    async def watch(self) -> dict[str, Any]:
        """Follow the room's stage."""
        answer = await self.say("watch", room=ROOM, since=None, protocol=PROTOCOL_VERSION)
        self.state = answer["snapshot"]
        return answer

    async def send(self, batch: InkBatch) -> dict[str, Any]:
        """Ink."""
        return await self.say("ink", **batch.model_dump(mode="json"))


@dataclass
class Theatre:
    """A served room with ceremonies."""

    served: Served
    ceremonies: Ceremonies

    @asynccontextmanager
    async def face(self, role: Role) -> AsyncIterator[Face]:
        """A page of a role, following."""
        kind = ActorKind.DEVICE if role in (Role.SIGNER, Role.DISPLAY) else ActorKind.TOKEN
        issued = await self.served.people.tokens.create(f"{role} {uuid4().hex[:4]}", role, (ROOM,), "test", kind=kind)
        face = Face()
        await face.io.connect(
            self.served.origin,
            namespaces=[NAMESPACE],
            transports=["websocket"],
            headers={"Origin": self.served.origin},
            auth={"token": issued.secret},
            wait_timeout=5,
        )
        try:
            await face.watch()
            yield face
        finally:
            await face.io.disconnect()
            if face.io.eio.http is not None:
                await face.io.eio.http.close()

    async def ink(self, ceremony: str) -> dict[str, Any]:
        """All ink so far, as a wall asks for it."""
        path = f"/api/v1/rooms/{ROOM}/ceremonies/{ceremony}/ink"
        token = await self.served.token(Role.DISPLAY)
        async with self.served.client(token) as http, http.get(path) as answer:
            found: dict[str, Any] = await answer.json()
            return found

    async def prepare(self, *, rehearsal: bool = False) -> str:
        """A ceremony that two persons have frozen, over HTTP."""
        for role in (Role.HOST, Role.OPERATOR):
            if not any(user.name == role for user in self.served.people.users()):
                await add(self.served.people, role)
        text = ALONE.model_copy(update={"number": "GLADI-1" if rehearsal else "600/1"})
        token = await self.served.token(Role.OPERATOR)
        async with self.served.client(token) as http:
            path = f"/api/v1/rooms/{ROOM}/ceremonies"
            async with http.post(path, json={"text": text.model_dump(mode="json"), "rehearsal": rehearsal}) as answer:
                made = await answer.json()
                assert answer.status == 201, made
            told: dict[str, Any] = {}
            for account in ("host", "operator"):
                body = {"wish": "freeze", "digest": made["digest"], "account": account, "password": PASSWORD}
                async with http.post(f"{path}/{made['id']}/confirm", json=body) as answer:
                    told = await answer.json()
                    assert answer.status == 200, told
        assert told["stage"] == "frozen"
        return str(made["id"])


@pytest.fixture
async def theatre(tmp_path: Path) -> AsyncIterator[Theatre]:
    """A room whose ceremonies nobody seals."""
    ceremonies = Ceremonies(tmp_path, Rules(reserve=0), HouseConfined(tmp_path))
    ceremonies.url = "https://kota.example"
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(ceremonies)
        group = await stack.enter_async_context(asyncio.TaskGroup())
        ceremonies.enter(ROOM)
        running = group.create_task(ceremonies.run())
        stack.callback(running.cancel)
        served = await stack.enter_async_context(
            serve(tmp_path, furnish=lambda house: replace(house, ceremonies=ceremonies))
        )
        yield Theatre(served, ceremonies)


async def test_from_the_text_to_the_reveal(theatre: Theatre) -> None:
    """A pad signs, a wall and a spare pad see the same points, the operator finishes and reveals; every page is told the same state."""
    key = await theatre.prepare()
    async with (
        theatre.face(Role.OPERATOR) as operator,
        theatre.face(Role.SIGNER) as pad,
        theatre.face(Role.SIGNER) as spare,
        theatre.face(Role.DISPLAY) as wall,
    ):
        assert (await pad.say("pad", room=ROOM, source="tabletutama"))["lead"]
        assert not (await spare.say("pad", room=ROOM, source="tabletcadangan"))["lead"]
        assert (await operator.press("open", key))["id"]
        pen = Pen(key)
        sent = [batch for _ in range(3) for batch in pen.stroke()]
        for batch in sent:
            assert (await pad.send(batch))["received"] == batch.number
        await until(lambda: len(wall.heard("ink")) == len(spare.heard("ink")) == len(sent))
        assert [flow["seq"] for flow in wall.heard("ink")] == list(range(1, len(sent) + 1))
        assert [flow["pieces"] for flow in wall.heard("ink")] == [
            batch.model_dump(mode="json")["pieces"] for batch in sent
        ]
        assert pad.heard("ink") == []
        await until(lambda: pad.heard("durable") and pad.heard("durable")[-1]["number"] == len(sent))
        assert spare.heard("durable") == []
        session = theatre.ceremonies.halls[ROOM].session
        assert session is not None
        rest(session)
        assert (await operator.press("done", key, signatory=0, attempt=0))["id"]
        assert (await pad.press("reveal", key, held_ms=1100))["id"]
        for face in (operator, pad, spare, wall):
            await until(lambda face=face: face.state["ceremony"]["stage"] == "revealed")  # type: ignore[misc]
            assert face.state["ceremony"]["document"]["recorded"]
        assert wall.state["walls"] == 1
        assert {pad["name"][:6]: pad["lead"] for pad in operator.state["pads"].values()}


async def test_a_spare_pad_takes_over_a_dead_one(theatre: Theatre) -> None:
    """The first pad is gone in mid-stroke: the spare one leads within a moment of its own tap, and the wall has both pads' ink."""
    key = await theatre.prepare()
    async with theatre.face(Role.OPERATOR) as operator, theatre.face(Role.SIGNER) as spare:
        async with theatre.face(Role.SIGNER) as pad:
            await pad.say("pad", room=ROOM, source="tabletutama")
            await spare.say("pad", room=ROOM, source="tabletcadangan")
            await operator.press("open", key)
            for batch in Pen(key).stroke(3, lift=False):
                await pad.send(batch)
        started = time.monotonic()
        second = Pen(key, source="tabletcadangan")
        batches = list(second.stroke())
        assert (await spare.send(batches[0]))["problem"]["code"] == "superseded"
        assert (await spare.press("take", key, source="tabletcadangan"))["id"]
        for batch in batches:
            assert (await spare.send(batch))["problem"] is None
        assert time.monotonic() - started < 10
        await until(lambda: operator.state["pads"].get("tabletcadangan", {}).get("lead"))
        assert len(operator.heard("ink")) == 7


async def test_a_pad_loaded_anew_goes_on_leading(theatre: Theatre) -> None:
    """The same tablet with a new page leads again by itself; another tablet does not."""
    key = await theatre.prepare()
    issued = await theatre.served.people.tokens.create("Tablet", Role.SIGNER, (ROOM,), "t", kind=ActorKind.DEVICE)
    hall = theatre.ceremonies.halls[ROOM]
    for source in ("halamansatu", "halamandua"):
        face = Face()
        await face.io.connect(
            theatre.served.origin,
            namespaces=[NAMESPACE],
            transports=["websocket"],
            headers={"Origin": theatre.served.origin},
            auth={"token": issued.secret},
        )
        await face.watch()
        assert (await face.say("pad", room=ROOM, source=source))["lead"], source
        await face.io.disconnect()
        if face.io.eio.http is not None:
            await face.io.eio.http.close()
        await until(lambda source=source: hall.pads[source].face is None)  # type: ignore[misc]
    assert hall.session is not None
    assert hall.session.id == key


async def test_a_pad_that_was_away_sends_what_was_not_taken(theatre: Theatre) -> None:
    """After a lost connection `pad` tells what was received; what was sent and not answered counts once."""
    key = await theatre.prepare()
    pen = Pen(key)
    batches = list(pen.stroke(6))
    async with theatre.face(Role.OPERATOR) as operator:
        async with theatre.face(Role.SIGNER) as pad:
            await pad.say("pad", room=ROOM, source="tabletutama")
            await operator.press("open", key)
            for batch in batches[:3]:
                await pad.send(batch)
        async with theatre.face(Role.SIGNER) as again:
            # Another pairing stands for the same page here: what is asked is the source's numbers.
            theatre.ceremonies.halls[ROOM].pads["tabletutama"].device = ""
            theatre.ceremonies.halls[ROOM].pads.pop("tabletutama")
            welcome = await again.say("pad", room=ROOM, source="tabletutama")
            assert welcome["received"] == 3
            for batch in batches[2:]:
                await again.send(batch)
        await until(lambda: len(operator.heard("ink")) == 6)
        found = await theatre.ink(key)
    assert found["seq"] == 6
    assert len(found["signatures"][0]["strokes"][0]["points"]) == 18


async def test_a_wall_that_joins_late_has_all_ink(theatre: Theatre) -> None:
    """What flowed before comes by HTTP, with the number from which the socket goes on."""
    key = await theatre.prepare()
    async with theatre.face(Role.OPERATOR) as operator, theatre.face(Role.SIGNER) as pad:
        await pad.say("pad", room=ROOM, source="tabletutama")
        await operator.press("open", key)
        pen = Pen(key)
        for batch in pen.stroke():
            await pad.send(batch)
        async with theatre.face(Role.DISPLAY) as wall:
            found = await theatre.ink(key)
            for batch in pen.stroke():
                await pad.send(batch)
            await until(lambda: wall.heard("ink") and wall.heard("ink")[-1]["seq"] == 8)
            assert [flow["seq"] for flow in wall.heard("ink") if flow["seq"] > found["seq"]] == [5, 6, 7, 8]


async def test_the_same_press_again_changes_nothing(theatre: Theatre) -> None:
    """A press whose answer was lost is sent again with its id: the same answer, one record."""
    key = await theatre.prepare()
    async with theatre.face(Role.OPERATOR) as operator:
        words = {"id": str(uuid4()), "at": time.time(), "room": ROOM, "ceremony": key}
        first = await operator.say("open", **words)
        assert first == await operator.say("open", **words)
        late = await operator.press("open", key, at=time.time() - 60)
        assert late["problem"]["code"] == "expired"


async def test_two_persons_by_password_and_no_tablet(theatre: Theatre) -> None:
    """A tablet's own token is no person; a wrong password is refused; the same account twice is one person."""
    await add(theatre.served.people, Role.HOST)
    token = await theatre.served.token(Role.OPERATOR)
    async with theatre.served.client(token) as http:
        path = f"/api/v1/rooms/{ROOM}/ceremonies"
        async with http.post(path, json={"text": ALONE.model_dump(mode="json")}) as answer:
            made = await answer.json()
        wish = {"wish": "freeze", "digest": made["digest"]}
        for more, status in (
            ({}, 401),
            ({"account": "host", "password": "salah sekali"}, 401),
            ({"account": "host", "password": PASSWORD}, 200),
            ({"account": "host", "password": PASSWORD}, 403),
        ):
            async with http.post(f"{path}/{made['id']}/confirm", json={**wish, **more}) as answer:
                assert answer.status == status, await answer.text()


async def test_a_rehearsal_lies_elsewhere_and_says_so(theatre: Theatre, tmp_path: Path) -> None:
    """GLADI: its own folder, its own numbers, marked in the list and in the state; a real number is refused to it."""
    key = await theatre.prepare(rehearsal=True)
    assert (tmp_path / "rehearsals" / ROOM / key / "journal").exists()
    assert not (tmp_path / "ceremonies" / ROOM / key).exists()
    async with theatre.face(Role.DISPLAY) as wall:
        assert wall.state["ceremony"]["rehearsal"]
    async with theatre.served.client(await theatre.served.token(Role.HOST)) as http:
        async with http.get(f"/api/v1/rooms/{ROOM}/ceremonies") as answer:
            assert [(line["rehearsal"], line["number"]) for line in await answer.json()] == [(True, "GLADI-1")]
        body = {"rehearsal": True, "text": ALONE.model_dump(mode="json")}
        async with http.post(f"/api/v1/rooms/{ROOM}/ceremonies", json=body) as answer:
            made = await answer.json()
        async with http.post(
            f"/api/v1/rooms/{ROOM}/ceremonies/{made['id']}/confirm", json={"wish": "freeze", "digest": made["digest"]}
        ) as answer:
            assert answer.status in (400, 401)


async def test_an_open_ceremony_is_not_pushed_off_the_stage(theatre: Theatre) -> None:
    """While somebody signs another one is neither brought nor made."""
    key = await theatre.prepare()
    async with theatre.face(Role.OPERATOR) as operator:
        await operator.press("open", key)
    async with (
        theatre.served.client(await theatre.served.token(Role.HOST)) as http,
        http.post(f"/api/v1/rooms/{ROOM}/ceremonies", json={"text": ALONE.model_dump(mode="json")}) as answer,
    ):
        assert (await answer.json())["code"] == "busy"
    hall = theatre.ceremonies.halls[ROOM]
    assert hall.session is not None
    assert hall.session.id == key
    assert [each.id for each in hall.summaries()] == [key]


async def test_one_that_cannot_be_opened_leaves_the_stage_as_it_is(theatre: Theatre) -> None:
    """Its journal was tampered with: it is refused, and the one on stage goes on."""
    hall = theatre.ceremonies.halls[ROOM]
    damaged, standing = await theatre.prepare(), await theatre.prepare(rehearsal=True)
    journal = hall.need_folder(damaged) / "journal"
    journal.write_bytes(journal.read_bytes().replace(b"600/1", b"600/2", 1))
    with pytest.raises(ProblemError):
        await hall.bring(damaged)
    async with theatre.face(Role.OPERATOR) as operator:
        assert (await operator.press("open", standing)).get("problem") is None
    assert hall.on_stage(standing).story.stage is CeremonyStage.OPEN


@pytest.mark.parametrize("role", [Role.HOST, Role.OPERATOR, Role.AUDITOR, Role.DISPLAY, Role.SIGNER])
async def test_every_event_by_every_role(theatre: Theatre, role: Role) -> None:
    """Walls and auditors decide nothing, pads only reveal, hosts draw no ink: refused before anything else is looked at."""
    key = await theatre.prepare()
    words: dict[str, dict[str, object]] = {
        "turn": {"signatory": 0},
        "mode": {"signatory": 0, "mode": {}},
        "done": {"signatory": 0, "attempt": 0},
        "redo": {"signatory": 0, "attempt": 0},
        "reveal": {"held_ms": 1000},
        "count": {"do": "begin"},
        "replay": {"speed": 1.0},
        "take": {"source": "tabletlain"},
        "void": {"reason": "keliru"},
        "sign-link": {"signatory": 0},
    }
    runs = role in (Role.HOST, Role.OPERATOR)
    async with theatre.face(role) as face:
        for event in PRESSES:
            answer = await face.press(event, key, **words.get(event, {}))
            code = answer["problem"]["code"] if answer["problem"] else None
            allowed = runs or (event == "reveal" and role is Role.SIGNER)
            assert allowed is (code != "forbidden"), (event, code)
        answer = await face.say("pad", room=ROOM, source="tabletutama")
        assert (role is Role.SIGNER) is (answer.get("problem") is None)
        assert (await face.say("ink", hello=1))["problem"]["code"] == "invalid"
        assert (await face.say("hapus"))["problem"]["code"] == "forbidden"


async def test_pictures_are_taken_apart(theatre: Theatre) -> None:
    """An emblem that is no picture, of a kind no document draws, or too big, is refused with its way out; a good one comes back by its digest."""
    async with theatre.served.client(await theatre.served.token(Role.HOST)) as http:
        path = f"/api/v1/rooms/{ROOM}/emblems"
        webp = BytesIO()
        Image.new("RGB", (8, 8)).save(webp, "WEBP")
        for body, status, fix in (
            (b"<svg/>", 400, "Pakai PNG atau JPEG"),
            (webp.getvalue(), 400, "Pakai PNG atau JPEG"),
            (bytes(2 << 20), 413, "Pakai berkas yang lebih kecil"),
        ):
            async with http.post(path, data=BytesIO(body), headers={"Content-Type": "image/png"}) as answer:
                assert (answer.status, (await answer.json(content_type=None))["fix"]["id"]) == (status, fix)
        async with http.post(path, data=png(), headers={"Content-Type": "image/png"}) as answer:
            kept = await answer.json()
            assert (answer.status, kept["width"]) == (201, 64)
        async with http.get(f"{path}/{kept['sha256']}") as answer:
            assert (answer.status, answer.content_type) == (200, "image/png")
        async with http.get(f"{path}/{'0' * 64}") as answer:
            assert answer.status == 404
