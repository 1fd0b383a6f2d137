"""People, their rights and their ways in: accounts, sessions, tokens, paired screens, the audit trail."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from smartroom.protocol.base import Id, Label, Message, Text

Account = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{1,31}$")]
"""Name of an account: small letters, digits, dot, dash, underscore."""

Rooms = Annotated[list[Annotated[str, Field(pattern=r"^(\*|[a-z0-9][a-z0-9._-]{0,63})$")]], Field(max_length=64)]
"""Rooms a right holds in; `*` is every room."""

Password = Annotated[str, Field(min_length=1, max_length=128)]


class Role(StrEnum):
    """What somebody is here. Nobody has two."""

    HOST = "host"
    OPERATOR = "operator"
    TECHNICIAN = "technician"
    ADMIN = "admin"
    AUDITOR = "auditor"
    DISPLAY = "display"
    SIGNER = "signer"
    GUEST = "guest"


class ActorKind(StrEnum):
    """How somebody proved who they are."""

    USER = "user"
    DEVICE = "device"
    TOKEN = "token"  # noqa: S105  # a word, not a secret
    GUEST = "guest"
    """With the link of a meeting, and no other right."""
    NOBODY = "nobody"


class Login(Message):
    """Name and password."""

    name: Annotated[str, Field(min_length=1, max_length=64)]
    password: Password


class SetUp(Message):
    """The code printed at the first start, and the first administrator."""

    code: Annotated[str, Field(min_length=1, max_length=32)]
    name: Account
    password: Password


class Me(Message):
    """Who the server thinks is asking, and what they may do in which rooms."""

    kind: ActorKind
    id: str
    name: Label
    role: Role
    rooms: list[str]
    actions: list[str]
    set_up_needed: bool = False
    """True until the first administrator exists: go to /setup."""
    protocol: int
    build: str


class User(Message):
    """An account."""

    name: Account
    label: Label = ""
    role: Role
    rooms: list[str]
    disabled: bool = False
    created: float
    last_login: float | None = None


class NewUser(Message):
    """An account to add."""

    name: Account
    password: Password
    role: Role
    rooms: Rooms = ["*"]
    label: Label = ""


class ChangeUser(Message):
    """What to change of an account; absent means as it is. Every change ends the account's sessions."""

    password: Password | None = None
    role: Role | None = None
    rooms: Rooms | None = None
    label: Label | None = None
    disabled: bool | None = None


class Token(Message):
    """A program's or a paired screen's way in; the secret itself is never shown again."""

    id: str
    kind: Literal["device", "token"]
    name: Label
    role: Role
    rooms: list[str]
    created: float
    created_by: Label
    expires: float | None = None
    last_seen: float | None = None
    wall: str | None = None
    """The wall whose screen it is."""


class NewToken(Message):
    """A token for a program."""

    name: Annotated[str, Field(min_length=1, max_length=80)]
    role: Role
    rooms: Rooms
    days: Annotated[int, Field(ge=1, le=3650)] | None = None
    """Life in days; absent: until revoked."""


class DeriveToken(Message):
    """A token for a program of one's own, with no more rights than one has oneself. It ends with them, and never outlives an hour."""

    name: Annotated[str, Field(min_length=1, max_length=40)]
    rooms: Annotated[Rooms, Field(min_length=1)]
    role: Role | None = None
    """A lesser role; absent: one's own."""
    seconds: Annotated[float, Field(ge=1, le=3600)]


class TokenCreated(Message):
    """The only answer that carries the secret."""

    token: Token
    secret: str


class NewPairing(Message):
    """A one-use link for a tablet or a wall."""

    name: Annotated[str, Field(min_length=1, max_length=80)]
    role: Literal[Role.HOST, Role.OPERATOR, Role.DISPLAY, Role.SIGNER] = Role.HOST
    rooms: Rooms
    wall: Annotated[str, Field(pattern=r"^wall\.[a-z0-9][a-z0-9-]{0,63}$")] | None = None
    """Make it this wall's own screen: role `display`, one room."""


class Pairing(Message):
    """A pairing link: good once, for ten minutes."""

    code: str
    path: str
    """Path to open on the screen: `/pair/<code>`."""
    url: str
    name: Label
    role: Role
    rooms: list[str]
    expires: float


class Redeem(Message):
    """A screen takes the link. A browser keeps the secret in a cookie, a program asks for it."""

    code: Annotated[str, Field(min_length=1, max_length=64)]
    deliver: Literal["cookie", "token"] = "cookie"


class Paired(Message):
    """The screen is paired."""

    token: Token
    secret: str | None = None
    open: str
    """Path of the page to open."""


class Session(Message):
    """Somebody signed in."""

    id: str
    user: Label
    role: Role
    created: float
    seen: float
    expires: float
    source: str
    own: bool = False
    """The session that asks."""


class AuditEntry(Message):
    """Who did what, when, to what, and how it ended."""

    number: int
    at: float
    actor: Label
    kind: ActorKind
    action: str
    resource: str
    outcome: str
    detail: str = ""


class RoomSummary(Message):
    """A room in the list."""

    id: Id
    name: Text
    place: Text | None = None
    version: int
    devices: int
    ready: int
    scenes: int
