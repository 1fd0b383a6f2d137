"""Who may speak to the port: only addresses that proved to know a peer's password, and only so many."""

from __future__ import annotations

import secrets
import struct

import pytest

from smartroom.media import ice, stun
from smartroom.media.ice import Agent, Credentials, IceLite

GUEST = Credentials("guest", "x" * 24)


class Owner:
    """Counts what it is told."""

    paths = 0

    def path_validated(self) -> None:
        """One more."""
        self.paths += 1


def address(number: int) -> bytes:
    """A raw IPv4 socket address."""
    return struct.pack("=H", 2) + struct.pack("!H4s8x", 1000 + number, bytes((192, 0, 2, 1 + number % 200)))


def check(credentials: Credentials = GUEST, *more: tuple[int, bytes], password: str = "") -> bytes:
    """A binding request as a browser sends it."""
    attributes = [(stun.USERNAME, f"{credentials.ufrag}:peer".encode()), (stun.PRIORITY, bytes(4)), *more]
    key = stun.Key(password or credentials.password)
    return stun.build(stun.BINDING_REQUEST, secrets.token_bytes(12), attributes, key)


@pytest.fixture
def lite() -> IceLite:
    """One agent, `guest`."""
    made = IceLite()
    made.add(Agent(Owner(), GUEST))
    return made


def code(reply: bytes | None) -> int:
    """The error code of an answer, 0 = success, -1 = silence."""
    if reply is None:
        return -1
    error = stun.parse(reply).attributes.get(stun.ERROR_CODE)
    return error[2] * 100 + error[3] if error else 0


def test_only_who_knows_the_password_is_let_in(lite: IceLite) -> None:
    """A good check is answered and opens its address; a stranger, a guess and a stale name get silence and open nothing."""
    assert code(lite.answer(check(), address(1), 0)) == 0
    assert code(lite.answer(check(password="y" * 24), address(2), 0)) == -1
    assert code(lite.answer(check(Credentials("nobody", "x" * 24)), address(3), 0)) == -1
    assert code(lite.answer(b"\0\1" + bytes(18), address(4), 0)) == -1
    unsigned = check()[:-32]
    assert code(lite.answer(unsigned[:2] + struct.pack("!H", len(unsigned) - 20) + unsigned[4:], address(5), 0)) == -1
    assert list(lite.agents) == [address(1)]
    assert lite.refused == 4


def test_what_an_ice_lite_agent_does_not_do_is_named(lite: IceLite) -> None:
    """A peer that calls itself controlled hears 487, an attribute that must be understood 420; neither opens an address."""
    assert code(lite.answer(check(GUEST, (stun.ICE_CONTROLLED, bytes(8))), address(1), 0)) == 487
    assert code(lite.answer(check(GUEST, (0x0014, b"realm")), address(1), 0)) == 420
    assert not lite.agents


def test_checks_are_counted_before_their_password_is(lite: IceLite, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twenty a second from one address and so many in all; who is in already is still answered, the next second all are."""
    monkeypatch.setattr(ice, "CHECKS_IN_ALL", 60)
    replies = [code(lite.answer(check(), address(1), 0.1)) for _ in range(25)]
    assert replies == [0] * 20 + [-1] * 5
    strangers = [code(lite.answer(check(), address(2 + i), 0.2)) for i in range(50)]
    assert strangers == [0] * 35 + [-1] * 15
    assert code(lite.answer(check(), address(36), 0.9)) == 0
    assert code(lite.answer(check(), address(90), 1.0)) == 0


def test_a_peer_keeps_eight_addresses_and_never_loses_the_one_in_use(lite: IceLite) -> None:
    """The oldest gives way, except where media goes; a closed peer's addresses are strangers again."""
    (agent,) = lite._by_ufrag.values()
    lite.answer(check(GUEST, (stun.USE_CANDIDATE, b"")), address(0), 0)
    for i in range(1, 12):
        lite.answer(check(), address(i), i)
    assert set(lite.agents) == {address(0), *(address(i) for i in range(5, 12))}
    assert agent.selected is not None
    assert agent.selected.raw == address(0)
    lite.remove(agent)
    assert not lite.agents
    assert code(lite.answer(check(), address(0), 20)) == -1


def test_media_moves_by_nomination_alone(lite: IceLite) -> None:
    """A check from elsewhere changes nothing; one that nominates moves the path at once, under new credentials too."""
    (agent,) = lite._by_ufrag.values()
    for i, attributes in enumerate(([(stun.USE_CANDIDATE, b"")], [], [(stun.USE_CANDIDATE, b"")])):
        lite.answer(check(GUEST, *attributes), address(i), i)
        assert agent.selected is not None
        assert agent.selected.raw == address((0, 0, 2)[i])
    fresh = Credentials("again", "z" * 24)
    lite.restart(agent, fresh)
    assert code(lite.answer(check(), address(2), 4)) == 0, "the old name lives until the new one is used"
    lite.answer(check(GUEST, (stun.USE_CANDIDATE, b"")), address(4), 4)
    assert agent.selected is not None
    assert agent.selected.raw == address(4), "a new port before our answer was there is the peer's all the same"
    lite.answer(check(fresh, (stun.USE_CANDIDATE, b"")), address(3), 5)
    assert agent.selected is not None
    assert agent.selected.raw == address(3)
    assert code(lite.answer(check(), address(2), 6)) == -1
