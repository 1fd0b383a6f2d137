"""The tables. What devices report is never here: it is read from the devices."""

from __future__ import annotations

from sqlalchemy import JSON, Boolean, Double, ForeignKey, Index, Integer, String, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Table(DeclarativeBase):
    """Base of all tables. Times are Unix seconds."""


class UserTable(Table):
    """Accounts."""

    __tablename__ = "users"

    name: Mapped[str] = mapped_column(String(32), primary_key=True)
    label: Mapped[str] = mapped_column(String(80))
    password: Mapped[str] = mapped_column(String(256))
    role: Mapped[str] = mapped_column(String(16))
    rooms: Mapped[list[str]] = mapped_column(JSON)
    created: Mapped[float] = mapped_column(Double)
    disabled: Mapped[bool] = mapped_column(Boolean, default=False)
    last_login: Mapped[float | None] = mapped_column(Double)


class SessionTable(Table):
    """Who is signed in."""

    __tablename__ = "sessions"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    user: Mapped[str] = mapped_column(ForeignKey("users.name", ondelete="CASCADE"), index=True)
    created: Mapped[float] = mapped_column(Double)
    seen: Mapped[float] = mapped_column(Double)
    expires: Mapped[float] = mapped_column(Double)
    source: Mapped[str] = mapped_column(String(64))


class TokenTable(Table):
    """Tokens of programs and of paired screens."""

    __tablename__ = "tokens"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    kind: Mapped[str] = mapped_column(String(16))
    name: Mapped[str] = mapped_column(String(80))
    role: Mapped[str] = mapped_column(String(16))
    rooms: Mapped[list[str]] = mapped_column(JSON)
    created: Mapped[float] = mapped_column(Double)
    created_by: Mapped[str] = mapped_column(String(80))
    expires: Mapped[float | None] = mapped_column(Double)
    last_seen: Mapped[float | None] = mapped_column(Double)
    wall: Mapped[str | None] = mapped_column(String(80))
    """The wall whose screen it is: `wall.left`."""


class PairingTable(Table):
    """One-use links not yet used."""

    __tablename__ = "pairings"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    name: Mapped[str] = mapped_column(String(80))
    role: Mapped[str] = mapped_column(String(16))
    rooms: Mapped[list[str]] = mapped_column(JSON)
    created_by: Mapped[str] = mapped_column(String(80))
    expires: Mapped[float] = mapped_column(Double)
    wall: Mapped[str | None] = mapped_column(String(80))


class AuditTable(Table):
    """Who did what, when, to what, and how it ended. Rows are added, never changed."""

    __tablename__ = "audit"

    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    at: Mapped[float] = mapped_column(Double, index=True)
    actor: Mapped[str] = mapped_column(String(80))
    kind: Mapped[str] = mapped_column(String(16))
    credential: Mapped[str] = mapped_column(String(32))
    action: Mapped[str] = mapped_column(String(32))
    resource: Mapped[str] = mapped_column(String(160))
    outcome: Mapped[str] = mapped_column(String(32))
    detail: Mapped[str] = mapped_column(Text, default="")


class RunTable(Table):
    """Recalls of scenes: what held before, what came of it."""

    __tablename__ = "runs"
    __table_args__ = (Index("ix_runs_room_started", "room", "started"),)

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    room: Mapped[str] = mapped_column(String(64))
    scene: Mapped[str] = mapped_column(String(64))
    by: Mapped[str] = mapped_column(String(80))
    started: Mapped[float] = mapped_column(Double)
    snapshot: Mapped[str] = mapped_column(Text)
    run: Mapped[str | None] = mapped_column(Text)
    """JSON of the finished run; none while it goes on, or when the server ended first."""
    dismissed: Mapped[bool] = mapped_column(Boolean, default=False)


class OwnerTable(Table):
    """Scenes that were recalled in a room and not taken over since."""

    __tablename__ = "scene_owners"

    room: Mapped[str] = mapped_column(String(64), primary_key=True)
    scene: Mapped[str] = mapped_column(String(64), primary_key=True)
    by: Mapped[str] = mapped_column(String(80))
    since: Mapped[float] = mapped_column(Double)


class WrittenTable(Table):
    """Last value written to a property that cannot be read back."""

    __tablename__ = "written_values"

    room: Mapped[str] = mapped_column(String(64), primary_key=True)
    device: Mapped[str] = mapped_column(String(64), primary_key=True)
    property: Mapped[str] = mapped_column(String(64), primary_key=True)
    value: Mapped[str] = mapped_column(Text)
    at: Mapped[float] = mapped_column(Double)


class LearnedTable(Table):
    """What the server measured of a device: how long it warms up, how long it takes to switch."""

    __tablename__ = "learned"

    room: Mapped[str] = mapped_column(String(64), primary_key=True)
    device: Mapped[str] = mapped_column(String(64), primary_key=True)
    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    value: Mapped[str] = mapped_column(Text)


class MeetingTable(Table):
    """Meetings: planned, open, ended. Who was there stands in a chain of its own."""

    __tablename__ = "meetings"
    __table_args__ = (Index("ix_meetings_room_starts", "room", "starts"),)

    id: Mapped[str] = mapped_column(String(16), primary_key=True)
    room: Mapped[str] = mapped_column(String(64))
    title: Mapped[str] = mapped_column(String(160))
    phase: Mapped[str] = mapped_column(String(16))
    code: Mapped[str] = mapped_column(String(32), unique=True)
    starts: Mapped[float] = mapped_column(Double)
    ends: Mapped[float] = mapped_column(Double)
    created: Mapped[float] = mapped_column(Double)
    created_by: Mapped[str] = mapped_column(String(80))
    pin: Mapped[str | None] = mapped_column(String(16))
    lobby: Mapped[bool] = mapped_column(Boolean)
    agenda: Mapped[list[str]] = mapped_column(JSON)
    invited: Mapped[list[str]] = mapped_column(JSON)
    scene: Mapped[str | None] = mapped_column(String(64))
    opened: Mapped[float | None] = mapped_column(Double)
    ended: Mapped[float | None] = mapped_column(Double)


class CeremonyTable(Table):
    """Index of the ceremonies that count, each with the last head of its journal; rehearsals are not in it."""

    __tablename__ = "ceremonies"
    __table_args__ = (Index("ix_ceremonies_room_created", "room", "created"),)

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    room: Mapped[str] = mapped_column(String(64))
    number: Mapped[str] = mapped_column(String(80))
    subject: Mapped[str] = mapped_column(String(160))
    stage: Mapped[str] = mapped_column(String(16))
    legal: Mapped[str] = mapped_column(String(16))
    created: Mapped[float] = mapped_column(Double)
    sequence: Mapped[int] = mapped_column(Integer)
    head: Mapped[str] = mapped_column(String(64))
