"""May they? One table, deny by default: what is not written here is refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from smartroom.control.identity.actors import Actor
from smartroom.protocol.people import Role


class Action(StrEnum):
    """Everything that can be asked of the server. A route or event without one of these does not exist."""

    ROOM_SEE = "room.see"
    PLAN = "plan"
    SCENE_APPLY = "scene.apply"
    SCENE_RETRY = "scene.retry"
    SCENE_CANCEL = "scene.cancel"
    UNDO = "undo"
    """Take the last change back."""
    CONTROL_SET = "control.set"
    """What the panel shows to everybody: volume, mute, routing, camera."""
    CONTROL_ACT = "control.act"
    """Drive a camera, recall a preset."""
    DEVICE_SET = "device.set"
    """Any other property of a device: a technician's hand."""
    DEVICE_ACT = "device.act"
    RULE_OVERRIDE = "rule.override"
    """Set a rule of wear or safety aside for one run, with a reason."""
    SCENE_RECORD = "scene.record"
    """Write the room as it is as a new scene's file."""
    REHEARSE = "rehearse"
    """Begin and end a rehearsal of a room on the pages."""
    BLANK = "blank"
    DISMISS = "dismiss"
    RUNDOWN_RUN = "rundown.run"
    """Open a rundown and fire its cues."""
    RUNDOWN_FORCE = "rundown.force"
    """Fire a cue although its condition does not hold."""
    PICTURE_ADD = "picture.add"
    """Upload a picture for the walls."""
    PICTURE_REMOVE = "picture.remove"
    MEETING_READ = "meeting.read"
    """Meetings of a room, their links, who was there."""
    MEETING_RUN = "meeting.run"
    """Plan, start, host and end meetings."""
    MEETING_ATTEND = "meeting.attend"
    """Bring the room's camera, its microphone or a wall into its meeting."""
    CEREMONY_SEE = "ceremony.see"
    """What stands on the ceremony's stage, and its ink as it flows."""
    CEREMONY_PREPARE = "ceremony.prepare"
    """Write texts, and be one of the two persons who confirm them."""
    CEREMONY_RUN = "ceremony.run"
    """Open, finish, redo, cover, end, void; lead signatories to their phones."""
    CEREMONY_REVEAL = "ceremony.reveal"
    CEREMONY_INK = "ceremony.ink"
    """Be a pad."""
    CEREMONY_ARCHIVE = "ceremony.archive"
    """The evidence: points, journal, photo."""
    HISTORY_READ = "history.read"
    DEVICE_READ = "device.read"
    """Addresses, settings, errors of devices."""
    BENCH_READ = "bench.read"
    """The technician's bench: wire traces, queues and counters of devices, the server's log."""
    SIMULATE = "simulate"
    """Faults and front panels of simulated devices."""
    USER_LIST = "user.list"
    USER_CHANGE = "user.change"
    TOKEN_LIST = "token.list"  # noqa: S105  # a word, not a secret
    TOKEN_CREATE = "token.create"  # noqa: S105
    TOKEN_REVOKE = "token.revoke"  # noqa: S105
    TOKEN_DERIVE = "token.derive"  # noqa: S105
    """Lend one's own rights to a script, for minutes."""
    PAIR = "pair"
    SESSION_LIST = "session.list"
    SESSION_REVOKE = "session.revoke"
    AUDIT_READ = "audit.read"
    STATUS_READ = "status.read"
    ME = "me"
    """Ask who one is; sign out; read the description of the API."""
    ENTER = "enter"
    """Sign in, set up, redeem a pairing link: open to strangers by design, guarded by their secrets."""


@dataclass(frozen=True, slots=True)
class Resource:
    """What an action is done to. Without a room it concerns the whole server."""

    room: str | None = None
    owner: str | None = None
    """Account or token the thing belongs to."""
    role: Role | None = None
    """Role that would be given away."""


HOUSE = Resource()

_SEE = frozenset({Action.ROOM_SEE, Action.ME, Action.ENTER})
_HOST = _SEE | {
    Action.TOKEN_DERIVE,
    Action.PLAN,
    Action.SCENE_APPLY,
    Action.SCENE_RETRY,
    Action.SCENE_CANCEL,
    Action.UNDO,
    Action.CONTROL_SET,
    Action.CONTROL_ACT,
    Action.BLANK,
    Action.DISMISS,
    Action.RUNDOWN_RUN,
    Action.PICTURE_ADD,
    Action.PICTURE_REMOVE,
    Action.MEETING_READ,
    Action.MEETING_RUN,
    Action.MEETING_ATTEND,
    Action.CEREMONY_SEE,
    Action.CEREMONY_PREPARE,
    Action.CEREMONY_RUN,
    Action.CEREMONY_REVEAL,
    Action.CEREMONY_ARCHIVE,
    Action.HISTORY_READ,
}
_OPERATOR = _HOST | {Action.SCENE_RECORD, Action.REHEARSE, Action.DEVICE_READ, Action.RUNDOWN_FORCE}
_TECHNICIAN = _OPERATOR | {
    Action.RULE_OVERRIDE,
    Action.BENCH_READ,
    Action.SIMULATE,
    Action.DEVICE_SET,
    Action.DEVICE_ACT,
    Action.STATUS_READ,
    Action.PAIR,
}

TABLE: Final[Mapping[Role, frozenset[Action]]] = {
    Role.HOST: _HOST,
    Role.OPERATOR: _OPERATOR,
    Role.TECHNICIAN: _TECHNICIAN,
    # An administrator rules people, not hardware: no scene, no device.
    Role.ADMIN: _SEE
    | {
        Action.HISTORY_READ,
        Action.DEVICE_READ,
        Action.BENCH_READ,
        Action.USER_LIST,
        Action.USER_CHANGE,
        Action.TOKEN_LIST,
        Action.TOKEN_CREATE,
        Action.TOKEN_REVOKE,
        Action.TOKEN_DERIVE,
        Action.PAIR,
        Action.SESSION_LIST,
        Action.SESSION_REVOKE,
        Action.STATUS_READ,
    },
    # An auditor reads everything and moves nothing.
    Role.AUDITOR: _SEE
    | {
        Action.PLAN,
        Action.MEETING_READ,
        Action.CEREMONY_SEE,
        Action.CEREMONY_ARCHIVE,
        Action.HISTORY_READ,
        Action.DEVICE_READ,
        Action.USER_LIST,
        Action.TOKEN_LIST,
        Action.SESSION_LIST,
        Action.AUDIT_READ,
        Action.TOKEN_DERIVE,
        Action.STATUS_READ,
    },
    Role.DISPLAY: _SEE | {Action.MEETING_ATTEND, Action.CEREMONY_SEE},
    Role.SIGNER: _SEE | {Action.CEREMONY_SEE, Action.CEREMONY_INK, Action.CEREMONY_REVEAL},
    Role.GUEST: frozenset({Action.ME, Action.ENTER}),
}
"""Role x action. Its test walks every cell and every route."""

_OWN = frozenset({Action.SESSION_LIST, Action.SESSION_REVOKE})
"""Everybody may do this to what is their own."""

_HANDS_ON = frozenset(
    {
        Action.USER_CHANGE,
        Action.TOKEN_CREATE,
        Action.TOKEN_REVOKE,
        Action.TOKEN_DERIVE,
        Action.PAIR,
        Action.SESSION_REVOKE,
    }
)
"""What changes who may do what: never a derived token's, or it would outlive its hour."""

_LENDS: Final[Mapping[Role, frozenset[Role]]] = {
    Role.TECHNICIAN: frozenset({Role.HOST, Role.OPERATOR, Role.DISPLAY, Role.SIGNER}),
    Role.ADMIN: frozenset(Role),
}
"""Roles somebody may hand on by a pairing link or a token."""


def may(actor: Actor, action: str, resource: Resource = HOUSE) -> bool:
    """True only when the table says so, in a room the actor's rights reach; a stranger may only enter."""
    if action not in _ACTIONS:
        return False
    wanted = Action(action)
    if not actor.known:
        return wanted is Action.ENTER
    if actor.derived and wanted in _HANDS_ON:
        return False
    if wanted in _OWN and resource.owner == actor.id:
        return True
    if wanted not in TABLE.get(actor.role, frozenset()):
        return False
    if resource.role is not None and resource.role not in _LENDS.get(actor.role, frozenset()):
        return False
    return resource.room is None or actor.enters(resource.room)


def within(role: Role, author: Role) -> bool:
    """Whether a role may nothing that the author's may not."""
    return TABLE[role] <= TABLE[author] and _LENDS.get(role, frozenset()) <= _LENDS.get(author, frozenset())


_ACTIONS: Final = frozenset(str(action) for action in Action)
