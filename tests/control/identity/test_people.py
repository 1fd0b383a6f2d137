"""People: set-up, sign-in, sessions, tokens and pairing links over real records."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from smartroom.control.errors import ProblemError
from smartroom.control.identity.codes import LETTERS, digest, same_code, short_code
from smartroom.control.identity.passwords import Passwords, Slowdown, check_strength
from smartroom.control.identity.people import People
from smartroom.control.limits import LOGIN_DELAY_MAX_S, SESSIONS_PER_USER
from smartroom.control.records.records import Records
from smartroom.protocol.errors import ErrorCode
from smartroom.protocol.people import ActorKind, ChangeUser, NewUser, Role

PASSWORD = "kuda laut biru tua"
HERE = "10.0.0.7"


@pytest.fixture
async def records(tmp_path: Path) -> AsyncIterator[Records]:
    """Records in a fresh folder."""
    async with Records(tmp_path) as opened:
        yield opened


@pytest.fixture
async def people(records: Records) -> People:
    """People over them."""
    made = People(records.people)
    await made.load()
    return made


async def tuti(people: People, role: Role = Role.HOST) -> None:
    """Add the account tuti."""
    await people.add_user(NewUser(name="tuti", password=PASSWORD, role=role, rooms=["ruang"]))


def code(error: pytest.ExceptionInfo[ProblemError]) -> ErrorCode:
    """The problem's code."""
    return error.value.problem.code


async def test_the_set_up_code_makes_one_administrator(people: People) -> None:
    """The code works once, then there is no set-up any more."""
    printed = people.open_setup()
    assert printed is not None
    await people.set_up(printed.lower().replace("-", " "), "kepala", PASSWORD, HERE)
    assert not people.set_up_needed
    assert people.open_setup() is None
    with pytest.raises(ProblemError) as error:
        await people.set_up(printed, "maling", PASSWORD, HERE)
    assert ErrorCode.EXPIRED is code(error)


async def test_two_at_once_with_the_code_make_one_administrator(people: People) -> None:
    """The second of two simultaneous set-ups is refused."""
    printed = people.open_setup()
    assert printed is not None
    tries = (people.set_up(printed, name, PASSWORD, HERE) for name in ("satu", "dua"))
    results = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(isinstance(result, ProblemError) for result in results) == 1
    assert len(people.users()) == 1


async def test_the_set_up_code_ends_after_half_an_hour(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    """Thirty minutes after the start the right code is refused, and the sentence says what to do."""
    printed = people.open_setup()
    assert printed is not None
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + 1801)
    with pytest.raises(ProblemError, match="restart the server") as error:
        await people.set_up(printed, "kepala", PASSWORD, HERE)
    assert ErrorCode.EXPIRED is code(error)


async def test_guessing_the_set_up_code_is_slow_and_voids_it(people: People) -> None:
    """Wrong codes are slowed per address; fifty from anywhere void the code."""
    printed = people.open_setup()
    assert printed is not None
    codes = []
    for _ in range(4):
        with pytest.raises(ProblemError) as error:
            await people.set_up("WRNG-CODE", "maling", PASSWORD, HERE)
        codes.append(code(error))
    assert codes == [ErrorCode.UNAUTHENTICATED] * 3 + [ErrorCode.RATE_LIMITED]
    for number in range(60):
        with pytest.raises(ProblemError) as error:
            await people.set_up("WRNG-CODE", "maling", PASSWORD, f"10.1.0.{number}")
        codes.append(code(error))
    assert ErrorCode.EXPIRED is codes[-1]
    with pytest.raises(ProblemError):
        await people.set_up(printed, "kepala", PASSWORD, "10.2.0.1")


async def test_signing_in_gives_an_actor_with_its_rooms(people: People) -> None:
    """The cookie of a sign-in is the account, with its role and rooms."""
    await tuti(people)
    actor, secret = await people.login(" Tuti ", PASSWORD, HERE)
    assert actor == people.by_cookie(secret)
    assert (ActorKind.USER, "tuti", Role.HOST, frozenset({"ruang"})) == (actor.kind, actor.id, actor.role, actor.rooms)
    assert len(secret) >= 43  # 256 bits
    assert people.by_cookie(secret + "x") is None


async def test_a_stored_session_opens_no_door(people: People, records: Records) -> None:
    """The records hold digests: what is read there is no cookie and no token."""
    await tuti(people)
    _, secret = await people.login("tuti", PASSWORD, HERE)
    issued = await people.tokens.create("x", Role.HOST, ["ruang"], "tuti")
    stored = (await records.people.sessions())[0].digest
    assert digest(secret) == stored
    assert people.by_cookie(stored) is None
    assert await people.by_token(issued.row.digest) is None


async def test_sessions_survive_a_restart(people: People, records: Records) -> None:
    """A new process knows who is signed in."""
    await tuti(people)
    _, secret = await people.login("tuti", PASSWORD, HERE)
    again = People(records.people)
    await again.load()
    actor = again.by_cookie(secret)
    assert actor is not None
    assert actor.id == "tuti"


async def test_a_session_ends_by_idleness_and_by_age(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half an hour without a deed ends it, twelve hours end it anyway; the wall clock may jump as it likes."""
    await tuti(people)
    actor, secret = await people.login("tuti", PASSWORD, HERE)
    start, wall = time.monotonic(), time.time()
    monkeypatch.setattr(time, "time", lambda: wall + 2 * 86_400)
    assert people.by_cookie(secret) == actor
    for minutes in range(0, 12 * 60 - 20, 20):
        monkeypatch.setattr(time, "monotonic", lambda minutes=minutes: start + minutes * 60)
        assert people.by_cookie(secret) is not None, minutes
        people.touch(actor)
    monkeypatch.setattr(time, "monotonic", lambda: start + 12 * 3600 + 1)
    assert people.by_cookie(secret) is None
    monkeypatch.setattr(time, "monotonic", lambda: start)
    _, other = await people.login("tuti", PASSWORD, HERE)
    monkeypatch.setattr(time, "monotonic", lambda: start + 1801)
    assert people.by_cookie(other) is None


async def test_a_changed_account_is_signed_out(people: People) -> None:
    """A new role, a new password or a removal ends every session of the account at once."""
    await tuti(people)
    await people.add_user(NewUser(name="kepala", password=PASSWORD, role=Role.ADMIN))
    for change in (ChangeUser(role=Role.OPERATOR), ChangeUser(password="lumba lumba hijau")):
        actor, secret = await people.login("tuti", PASSWORD, HERE)
        await people.change_user("tuti", change)
        assert people.by_cookie(secret) is None
        assert people.again(actor) is None
    _, secret = await people.login("tuti", "lumba lumba hijau", HERE)
    await people.change_user("tuti", ChangeUser(disabled=True))
    assert people.by_cookie(secret) is None
    with pytest.raises(ProblemError):
        await people.login("tuti", "lumba lumba hijau", HERE)


async def test_the_last_administrator_stays(people: People) -> None:
    """Nobody can lock the house from inside."""
    await tuti(people, Role.ADMIN)
    for deed in (
        people.remove_user("tuti"),
        people.change_user("tuti", ChangeUser(role=Role.HOST)),
        people.change_user("tuti", ChangeUser(disabled=True)),
    ):
        with pytest.raises(ProblemError, match="last administrator"):
            await deed


async def test_the_ninth_session_ends_the_first(people: People) -> None:
    """One account has eight sessions at most."""
    await tuti(people)
    secrets = [(await people.login("tuti", PASSWORD, HERE))[1] for _ in range(SESSIONS_PER_USER + 1)]
    alive = [people.by_cookie(secret) is not None for secret in secrets]
    assert alive == [False] + [True] * SESSIONS_PER_USER


async def test_an_account_added_by_another_program_can_sign_in(people: People, records: Records) -> None:
    """`smartroom user add` beside a running server is heard at the next sign-in; a changed password signs out at the next sweep."""
    beside = People(records.people)
    await beside.load()
    await tuti(beside)
    _, secret = await people.login("tuti", PASSWORD, HERE)
    await beside.change_user("tuti", ChangeUser(password="lumba lumba hijau"))
    await people.sweep()
    assert people.by_cookie(secret) is None


async def test_wrong_tries_wait_and_lock_nobody_out(people: People) -> None:
    """After three wrong tries the next waits; another address, and the session that lives, do not."""
    await tuti(people)
    actor, secret = await people.login("tuti", PASSWORD, "10.0.0.1")
    for _ in range(3):
        with pytest.raises(ProblemError) as error:
            await people.login("tuti", "salah salah salah", HERE)
        assert ErrorCode.UNAUTHENTICATED is code(error)
    with pytest.raises(ProblemError) as error:
        await people.login("tuti", PASSWORD, HERE)
    assert ErrorCode.RATE_LIMITED is code(error)
    assert actor == people.by_cookie(secret)
    await people.login("tuti", PASSWORD, "10.0.0.2")


def test_the_wait_doubles_up_to_half_a_minute() -> None:
    """1, 2, 4 ... 30 s, forgotten after a right try; one address guessing many names waits as well."""
    now = 0.0
    slowdown = Slowdown(lambda: now)
    waits = []
    for _ in range(10):
        slowdown.wrong("tuti", HERE)
        waits.append(slowdown.wait_s("tuti", HERE))
    assert waits == [0, 0, 1, 2, 4, 8, 16, 30, 30, LOGIN_DELAY_MAX_S]
    slowdown.right("tuti", HERE)
    assert slowdown.wait_s("tuti", HERE) == 0
    for number in range(20):
        slowdown.wrong(f"name-{number}", "10.9.9.9")
    assert slowdown.wait_s("never-tried", "10.9.9.9") > 0


async def test_an_unknown_account_takes_as_long_as_a_known_one() -> None:
    """The time of a refusal does not tell whether the account exists: both verify one hash."""
    passwords = Passwords()
    stored = await passwords.hash(PASSWORD)
    await passwords.verify(None, "salah")

    async def clocked(hashed: str | None) -> float:
        before = time.process_time()
        assert not await passwords.verify(hashed, "salah salah salah")
        return time.process_time() - before

    known = min([await clocked(stored) for _ in range(3)])
    unknown = min([await clocked(None) for _ in range(3)])
    assert unknown > known / 3


async def test_hashing_is_no_way_to_stop_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two hashes at once, sixteen in line; the next is told to come back."""
    running, most = 0, 0

    def slow(stored: str | None, password: str) -> bool:
        nonlocal running, most
        running += 1
        most = max(most, running)
        time.sleep(0.01)
        running -= 1
        return False

    monkeypatch.setattr("smartroom.control.identity.passwords._matches", slow)
    passwords = Passwords()
    results = await asyncio.gather(*(passwords.verify(None, "x") for _ in range(40)), return_exceptions=True)
    refused = [result for result in results if isinstance(result, ProblemError)]
    assert most == 2
    assert len(refused) == 24
    assert {ErrorCode.OVERLOADED} == {error.problem.code for error in refused}


@pytest.mark.parametrize(
    "weak", ["pendek", "tuti1234567890", "password1234", "aaaaaaaaaaaaaaa", "smartroom12345", "1234567890123456"]
)
def test_weak_passwords_are_refused(weak: str) -> None:
    """Short, the account's own name, a common word, one repeated letter."""
    with pytest.raises(ProblemError) as error:
        check_strength(weak, "tuti")
    assert ErrorCode.INVALID is code(error)


def test_codes_are_for_people() -> None:
    """Eight consonants in two groups; case, blanks and dashes do not count."""
    made = short_code()
    assert len(made) == 9
    assert set(made.replace("-", "")) <= set(LETTERS)
    assert same_code(f" {made.lower().replace('-', ' ')} ", made)
    assert not same_code(made[:-1], made)


async def test_a_pairing_link_is_good_once(people: People) -> None:
    """The screen that takes the link gets a token with the link's role and rooms; the second gets nothing."""
    offered = await people.tokens.offer("tablet depan", Role.HOST, ["ruang"], "kepala")
    assert len(offered.code) >= 22  # 128 bits
    issued = await people.tokens.redeem(offered.code)
    actor = await people.by_token(issued.secret)
    assert actor is not None
    assert (ActorKind.DEVICE, "tablet depan", Role.HOST, frozenset({"ruang"})) == (
        actor.kind,
        actor.name,
        actor.role,
        actor.rooms,
    )
    with pytest.raises(ProblemError) as error:
        await people.tokens.redeem(offered.code)
    assert ErrorCode.NOT_FOUND is code(error)


async def test_a_pairing_link_ends_after_ten_minutes(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    """An old link pairs nothing."""
    offered = await people.tokens.offer("tablet", Role.HOST, ["ruang"], "kepala")
    late = time.time() + 601
    monkeypatch.setattr(time, "time", lambda: late)
    with pytest.raises(ProblemError):
        await people.tokens.redeem(offered.code)


async def test_a_revoked_token_is_nobody(people: People) -> None:
    """Revocation holds at once, for those who are connected as well."""
    issued = await people.tokens.create("tv", Role.DISPLAY, ["ruang"], "kepala")
    actor = await people.by_token(issued.secret)
    assert actor is not None
    assert await people.tokens.revoke(issued.row.id)
    assert people.again(actor) is None
    assert await people.by_token(issued.secret) is None
    assert not await people.tokens.revoke(issued.row.id)


async def test_a_token_ends_when_its_days_are_over(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program's token with a life ends, one without lives; a screen that stays away for 90 days ends, one in use lives on."""
    short = await people.tokens.create("short", Role.HOST, ["ruang"], "k", days=1)
    long = await people.tokens.create("long", Role.HOST, ["ruang"], "k")
    away = await people.tokens.create("away", Role.DISPLAY, ["ruang"], "k", kind=ActorKind.DEVICE)
    used = await people.tokens.create("used", Role.DISPLAY, ["ruang"], "k", kind=ActorKind.DEVICE)
    start = time.time()
    monkeypatch.setattr(time, "time", lambda: start + 80 * 86_400)
    actor = await people.by_token(used.secret)
    assert actor is not None
    people.touch(actor)
    await people.tokens.sweep()
    monkeypatch.setattr(time, "time", lambda: start + 100 * 86_400)
    found = [await people.by_token(issued.secret) is not None for issued in (short, long, away, used)]
    assert found == [False, True, False, True]


async def test_a_token_made_beside_a_running_server_is_found(people: People, records: Records) -> None:
    """`smartroom token create` against the data folder needs no restart; guessing tokens reads the records only so often."""
    beside = People(records.people)
    await beside.load()
    issued = await beside.tokens.create("skrip", Role.TECHNICIAN, ["*"], "shell")
    assert await people.by_token(issued.secret) is not None
    looked = 0

    async def counted(key: str) -> None:
        nonlocal looked
        looked += 1

    records.people.token = counted  # type: ignore[method-assign,assignment]
    for number in range(200):
        assert await people.by_token(f"sr_{number}") is None
    assert looked <= 25
