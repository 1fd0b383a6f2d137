"""Doors without an account: verify by code and by file, sign on one's own phone; and what strangers send there."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from smartroom.control.ceremony.ceremonies import Ceremonies
from smartroom.control.ceremony.ports import Rules
from smartroom.control.limits import JUDGE_BURST
from smartroom.control.web.api import public
from smartroom.control.web.rates import Buckets
from smartroom.protocol.signing import Level
from smartroom.protocol.verdict import MAX_PDF
from smartroom.signing.testing.house import PASSPHRASE, SIGNER
from smartroom.signing.testing.services import Services
from tests.ceremonies import ALONE, Pen, begin, freeze, sign
from tests.control.ceremony.test_documents import trusting
from tests.control.web.house import ROOM, Served, serve
from tests.signing.rig import PERSONAL_NUMBER, Office, make_office
from tests.signing.test_hostile import bomb, many_pages, page_loop

PDF = {"Content-Type": "application/pdf"}


@dataclass
class Counter:
    """A served room where a mayor has signed with ink, and waits for the phone."""

    served: Served
    ceremonies: Ceremonies
    key: str

    async def get(self, path: str) -> tuple[int, Any]:
        """What a stranger reads."""
        async with self.served.client(origin=False) as http, http.get(path) as answer:
            return answer.status, await _read(answer)

    async def post(self, path: str, body: object) -> tuple[int, Any]:
        """What a stranger sends."""
        async with self.served.client() as http, http.post(path, json=body) as answer:
            return answer.status, await _read(answer)

    async def judge(self, pdf: bytes, headers: dict[str, str] | None = None) -> tuple[int, Any]:
        """An upload."""
        async with (
            self.served.client() as http,
            http.post("/api/v1/verify", data=BytesIO(pdf), headers=PDF | (headers or {})) as answer,
        ):
            return answer.status, await _read(answer)

    async def until(self, state: str) -> dict[str, Any]:
        """The document as its code tells it, once it is so."""
        async with asyncio.timeout(30):
            while True:
                _, told = await self.get(f"/api/v1/verify/{self.key}")
                if told["state"] == state and (state != "valid" or told["verdict"]):
                    return dict(told)
                await asyncio.sleep(0.1)


async def _read(answer: aiohttp.ClientResponse) -> Any:
    body = await answer.read()
    with contextlib.suppress(ValueError):
        return json.loads(body)
    return body


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Office:
    """An authority; its services are closed unless a test opens them."""
    return make_office(tmp_path_factory.mktemp("office"))


@pytest.fixture
async def services(office: Office) -> AsyncIterator[Services]:
    """Its timestamps and revocation answers."""
    async with office.open() as running:
        yield running


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test is an address of its own."""
    monkeypatch.setattr(public, "_uploads", Buckets(0.001, JUDGE_BURST))


@pytest.fixture
async def counter(tmp_path: Path, office: Office) -> AsyncIterator[Counter]:
    """Signed with ink; the key that makes it legal wants a passphrase."""
    rules = Rules(signer_keys=(SIGNER,), seal_level=Level.B_T, reserve=0)
    ceremonies = Ceremonies(tmp_path, rules, trusting(office, tmp_path), signing=office.house.settings)
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
        hall = ceremonies.halls[ROOM]
        session = await hall.bring(hall.create(ALONE, rehearsal=False).id)
        await freeze(session)
        await begin(session)
        await sign(session, Pen(session.id))
        yield Counter(served, ceremonies, session.id)


async def test_by_the_code_by_the_file_and_by_phone(counter: Counter, services: Services) -> None:
    """The code tells what is on the paper; the phone signs once; the file judged as a stranger's gets the same three lines; no personal number anywhere."""
    told = await counter.until("recorded")
    assert (told["number"], told["signatories"]) == (ALONE.number, [ALONE.signatories[0].name])
    hall = counter.ceremonies.halls[ROOM]
    assert hall.desk is not None
    async with asyncio.timeout(20):
        while not hall.desk.file():
            await asyncio.sleep(0.05)
    door = f"/api/v1/tte/{hall.desk.link(0)}"
    status, task = await counter.get(door)
    assert (status, task["name"], task["asks"]) == (200, ALONE.signatories[0].name, ["passphrase"])
    assert (await counter.post(door + "/sign", {"passphrase": "bukan ini"}))[1]["code"] == "wrong_passphrase"
    assert (await counter.post(door + "/sign", {"passphrase": PASSPHRASE}))[1]["state"] == "valid"
    assert (await counter.get(door))[0] == 410
    told = await counter.until("valid")
    _, pdf = await counter.get(told["download"])
    status, verdict = await counter.judge(pdf)
    assert status == 200
    for line in ("intact", "known", "time"):
        assert verdict[line] == told["verdict"][line]
    assert PERSONAL_NUMBER not in json.dumps([told, verdict, task])
    flipped = bytearray(pdf)
    flipped[len(pdf) // 2] ^= 1
    assert (await counter.judge(bytes(flipped)))[1]["intact"]["light"] == "red"


@pytest.mark.parametrize("hostile", [bomb, many_pages, page_loop, bytes])
async def test_a_hostile_upload_is_a_verdict(counter: Counter, hostile: Any) -> None:
    """The answer is 200 and red, never an error of ours, and the server answers the next caller."""
    status, verdict = await counter.judge(hostile())
    assert (status, verdict["intact"]["light"]) == (200, "red")
    assert (await counter.get("/healthz"))[0] == 200


async def test_the_door_has_limits(counter: Counter) -> None:
    """Too big, of another kind, too many at a time, too often: each is told by its own status."""
    assert (await counter.judge(bytes(MAX_PDF + 1)))[0] == 413
    assert (await counter.judge(b"x", {"Content-Type": "image/png"}))[0] == 415
    answers = await asyncio.gather(*(counter.judge(page_loop()) for _ in range(4)))
    assert {status for status, _ in answers} == {200, 503}
    answers += [await counter.judge(b"", {"Content-Type": "image/png"}) for _ in range(int(JUDGE_BURST))]
    assert answers[-1][0] == 429


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/v1/verify/" + "a" * 26, 404),
        ("/api/v1/verify/..%2f..%2fetc", 404),
        ("/v/" + "a" * 26 + "/document.pdf", 404),
        ("/v/" + "a" * 26 + "/qr.svg", 404),
        ("/v/" + "A" * 26 + "/qr.svg", 404),
        ("/api/v1/tte/" + "a" * 32, 410),
        ("/tte/" + "a" * 32 + "/qr.svg", 404),
    ],
)
async def test_what_is_not_known(counter: Counter, path: str, status: int) -> None:
    """A guess finds nothing and learns nothing."""
    assert (await counter.get(path))[0] == status


async def test_a_draft_is_nobodys_business(counter: Counter) -> None:
    """Before two persons have frozen a text the public page does not know it."""
    draft = counter.ceremonies.halls[ROOM].create(ALONE, rehearsal=False)
    assert (await counter.get(f"/api/v1/verify/{draft.id}"))[0] == 404
