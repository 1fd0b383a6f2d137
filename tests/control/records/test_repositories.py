"""Repositories: what goes in comes out, after a restart too."""

from __future__ import annotations

import asyncio
from pathlib import Path

from smartroom.control.identity.ports import PairingRow, SessionRow, TokenRow, UserRow
from smartroom.control.records.records import Records
from smartroom.control.scenes.ports import StandingScene
from smartroom.protocol.people import Role

USER = UserRow("tuti", "Bu Tuti", "$argon2id$x", Role.HOST, ("ruang", "aula"), 1.5)
SESSION = SessionRow("d" * 64, "tuti", 1.0, 2.0, 3.0, "10.0.0.9")
TOKEN = TokenRow("abc", "e" * 64, "device", "tablet", Role.HOST, ("ruang",), 1.0, "tuti", 9.0)


async def test_people_survive_a_restart(tmp_path: Path) -> None:
    """Accounts, sessions and tokens are read back as they were saved, changed ones as changed."""
    async with Records(tmp_path) as records:
        await records.people.save_user(USER)
        await records.people.save_session(SESSION)
        await records.people.save_token(TOKEN)
        await records.people.save_token(
            TokenRow(**{**{name: getattr(TOKEN, name) for name in TOKEN.__slots__}, "last_seen": 5.0})
        )
    async with Records(tmp_path) as records:
        assert list(await records.people.users()) == [USER]
        assert await records.people.user("tuti") == USER
        assert list(await records.people.sessions()) == [SESSION]
        found = await records.people.token("e" * 64)
        assert found is not None
        assert (5.0, TOKEN.rooms) == (found.last_seen, found.rooms)


async def test_a_removed_account_takes_its_sessions_along(tmp_path: Path) -> None:
    """Foreign keys hold: no session outlives its account, and one saved late is dropped."""
    async with Records(tmp_path) as records:
        await records.people.save_user(USER)
        await records.people.save_session(SESSION)
        await records.people.remove_user("tuti")
        await records.people.save_session(SESSION)
        assert list(await records.people.sessions()) == []


async def test_a_link_is_taken_once(tmp_path: Path) -> None:
    """Of ten that ask for one link at the same moment, one gets it."""
    async with Records(tmp_path) as records:
        await records.people.save_pairing(PairingRow("p", "tablet", Role.HOST, ("ruang",), "tuti", 9e9))
        found = await asyncio.gather(*(records.people.take_pairing("p") for _ in range(10)))
    assert sum(row is not None for row in found) == 1


async def test_only_the_newest_run_can_be_unfinished(tmp_path: Path) -> None:
    """A run cut short is offered until it is dismissed, or another run came after it."""
    async with Records(tmp_path) as records:
        await records.runs.begin("r1", "ruang", "rapat", "tuti", 1.0, "{}")
        cut = await records.runs.unfinished("ruang")
        assert cut is not None
        assert (cut.run, cut.scene, cut.by, cut.started) == ("r1", "rapat", "tuti", 1.0)
        await records.runs.begin("r2", "ruang", "presentasi", "tuti", 2.0, "{}")
        await records.runs.end("r2", '{"id":"r2"}')
        assert await records.runs.unfinished("ruang") is None
        await records.runs.begin("r3", "ruang", "rapat", "tuti", 3.0, "{}")
        await records.runs.dismiss("r3")
        assert await records.runs.unfinished("ruang") is None
        assert list(await records.runs.recent("ruang", 5)) == ['{"id":"r2"}']


async def test_rooms_remember(tmp_path: Path) -> None:
    """Standing scenes are replaced as a whole; written values and learned facts by key."""
    async with Records(tmp_path) as records:
        await records.standing.replace(
            "ruang", [StandingScene("rapat", "tuti", 2.0), StandingScene("terang", "budi", 1.0)]
        )
        assert [standing.scene for standing in await records.standing.load("ruang")] == ["terang", "rapat"]
        await records.standing.replace("ruang", [])
        assert list(await records.standing.load("ruang")) == []
        for value in ("1", "2"):
            await records.written.save("ruang", "amp", "gain", value, 3.0)
            await records.learned.save("ruang", "amp", "warm_up", value)
        assert await records.written.load("ruang") == {("amp", "gain"): ("2", 3.0)}
        assert await records.learned.load("ruang") == {("amp", "warm_up"): "2"}


async def test_the_trail_is_on_disk_when_the_server_has_ended(tmp_path: Path) -> None:
    """What was noted is written in order before the end, whatever characters it holds; nothing was waited for."""
    async with Records(tmp_path) as records:
        for number in range(250):
            records.trail.note(
                actor="tuti\ud800",
                kind="user",
                credential="c" * 64,
                action="blank",
                resource=f"ruang/{number}",
                outcome="accepted",
            )
    async with Records(tmp_path) as records:
        newest = await records.trail.read(limit=3)
        assert [entry.resource for entry in newest] == ["ruang/249", "ruang/248", "ruang/247"]
        assert [entry.resource for entry in await records.trail.read(before=newest[-1].number, limit=1)] == [
            "ruang/246"
        ]
        assert len(await records.trail.read()) == 250


async def test_a_trail_that_cannot_keep_up_says_so(tmp_path: Path) -> None:
    """Above a thousand waiting rows one is dropped and counted, and the records are no longer called writable."""
    async with Records(tmp_path) as records:
        for number in range(1_002):
            records.trail.note(actor="a", kind="user", credential="c", action="x", resource=str(number), outcome="ok")
        assert records.trail.dropped == 2
        assert not await records.writable()
