"""Rights: one table, walked cell by cell."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from smartroom.control.identity.actors import NOBODY, Actor
from smartroom.control.identity.rights import HOUSE, TABLE, Action, Resource, may, within
from smartroom.protocol.people import ActorKind, Role

HERE, ELSEWHERE = "ruang", "aula"

# Written a second time, on purpose, from the specification and not from the code: who may what.
ALLOWED = {
    Action.ROOM_SEE: "host operator technician admin auditor display signer",
    Action.PLAN: "host operator technician auditor",
    Action.SCENE_APPLY: "host operator technician",
    Action.SCENE_RETRY: "host operator technician",
    Action.RULE_OVERRIDE: "technician",
    Action.SCENE_RECORD: "operator technician",
    Action.REHEARSE: "operator technician",
    Action.SCENE_CANCEL: "host operator technician",
    Action.UNDO: "host operator technician",
    Action.CONTROL_SET: "host operator technician",
    Action.CONTROL_ACT: "host operator technician",
    Action.DEVICE_SET: "technician",
    Action.DEVICE_ACT: "technician",
    Action.BLANK: "host operator technician",
    Action.DISMISS: "host operator technician",
    Action.RUNDOWN_RUN: "host operator technician",
    Action.RUNDOWN_FORCE: "operator technician",
    Action.PICTURE_ADD: "host operator technician",
    Action.PICTURE_REMOVE: "host operator technician",
    Action.MEETING_READ: "host operator technician auditor",
    Action.MEETING_RUN: "host operator technician",
    Action.MEETING_ATTEND: "host operator technician display",
    Action.CEREMONY_SEE: "host operator technician auditor display signer",
    Action.CEREMONY_PREPARE: "host operator technician",
    Action.CEREMONY_RUN: "host operator technician",
    Action.CEREMONY_REVEAL: "host operator technician signer",
    Action.CEREMONY_INK: "signer",
    Action.CEREMONY_ARCHIVE: "host operator technician auditor",
    Action.HISTORY_READ: "host operator technician admin auditor",
    Action.DEVICE_READ: "operator technician admin auditor",
    Action.BENCH_READ: "technician admin",
    Action.SIMULATE: "technician",
    Action.USER_LIST: "admin auditor",
    Action.USER_CHANGE: "admin",
    Action.TOKEN_LIST: "admin auditor",
    Action.TOKEN_CREATE: "admin",
    Action.TOKEN_REVOKE: "admin",
    Action.TOKEN_DERIVE: "host operator technician admin auditor",
    Action.PAIR: "technician admin",
    Action.SESSION_LIST: "admin auditor",
    Action.SESSION_REVOKE: "admin",
    Action.AUDIT_READ: "auditor",
    Action.STATUS_READ: "technician admin auditor",
    Action.ME: "host operator technician admin auditor display signer guest",
    Action.ENTER: "host operator technician admin auditor display signer guest",
}


def somebody(role: Role, *rooms: str) -> Actor:
    """An account with a role, here or in the rooms named."""
    return Actor(ActorKind.USER, f"a-{role}", str(role), role, frozenset(rooms or {HERE}))


@pytest.mark.parametrize(("role", "action"), list(itertools.product(Role, Action)))
def test_every_cell(role: Role, action: Action) -> None:
    """A role may what the specification lists, in its own rooms, and nothing else anywhere."""
    expected = str(role) in ALLOWED[action].split()
    assert expected is may(somebody(role), action, Resource(room=HERE))
    assert not may(somebody(role), action, Resource(room=ELSEWHERE))
    assert expected is may(somebody(role, "*"), action, Resource(room=ELSEWHERE))
    assert expected is may(somebody(role), action, HOUSE)


@pytest.mark.parametrize(("role", "action"), list(itertools.product(Role, Action)))
def test_a_derived_token_hands_on_nothing(role: Role, action: Action) -> None:
    """A derived token may what its role may, but never change who may do what, its author's own sessions neither."""
    script = replace(somebody(role), derived=True)
    handing_on = {"user.change", "token.create", "token.revoke", "token.derive", "pair", "session.revoke"}
    expected = str(role) in ALLOWED[action].split() and str(action) not in handing_on
    assert expected is may(script, action, Resource(room=HERE, owner="somebody"))
    assert not may(script, Action.SESSION_REVOKE, Resource(owner=script.id))


@pytest.mark.parametrize(("role", "author"), list(itertools.product(Role, Role)))
def test_a_role_lies_within_another(role: Role, author: Role) -> None:
    """`within` says so only when every single right of the one is a right of the other."""
    if within(role, author):
        assert all(may(somebody(author), action) for action in Action if may(somebody(role), action))
    assert within(role, role)
    assert not within(Role.ADMIN, Role.TECHNICIAN)
    assert within(Role.HOST, Role.TECHNICIAN)


@pytest.mark.parametrize("action", Action)
def test_a_stranger_may_only_enter(action: Action) -> None:
    """Who has proved nothing may sign in, and that is all."""
    assert (action is Action.ENTER) is may(NOBODY, action)


@pytest.mark.parametrize("role", Role)
def test_what_is_not_listed_is_denied(role: Role) -> None:
    """An action nobody has written down is refused to every role."""
    for unlisted in ("", "device.raw", "Scene.Apply", "scene.apply ", "*", "audit.delete"):
        assert not may(somebody(role, "*"), unlisted)


@pytest.mark.parametrize(("role", "gift"), list(itertools.product(Role, Role)))
def test_nobody_hands_on_more_than_they_may(role: Role, gift: Role) -> None:
    """An administrator hands on any role, a technician pairs screens, all others nothing."""
    screens = {Role.HOST, Role.OPERATOR, Role.DISPLAY, Role.SIGNER}
    assert (role is Role.ADMIN) is may(somebody(role), Action.TOKEN_CREATE, Resource(role=gift))
    expected = role is Role.ADMIN or (role is Role.TECHNICIAN and gift in screens)
    assert expected is may(somebody(role), Action.PAIR, Resource(role=gift))


@pytest.mark.parametrize("role", Role)
def test_everybody_ends_their_own_session(role: Role) -> None:
    """One's own sessions can be seen and ended; another's only by those whom the table names."""
    actor = somebody(role)
    for action in (Action.SESSION_LIST, Action.SESSION_REVOKE):
        assert may(actor, action, Resource(owner=actor.id))
        assert may(actor, action, Resource(owner="another")) is (str(role) in ALLOWED[action].split())


def test_separation_of_duties() -> None:
    """Nobody rules people and hardware at once, nobody who acts reads the whole trail, no administrator signs or deletes it."""
    assert not TABLE[Role.ADMIN] & {Action.SCENE_APPLY, Action.DEVICE_SET, Action.CONTROL_SET, Action.AUDIT_READ}
    assert not TABLE[Role.AUDITOR] & {
        Action.SCENE_APPLY,
        Action.DEVICE_SET,
        Action.USER_CHANGE,
        Action.TOKEN_CREATE,
        Action.PAIR,
    }
    assert not TABLE[Role.TECHNICIAN] & {Action.USER_CHANGE, Action.AUDIT_READ, Action.TOKEN_CREATE}
    assert set(TABLE) == set(Role)
