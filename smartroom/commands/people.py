"""`user`, `token` and `pair`: for whoever may read the data folder; a running server notices by itself."""

from __future__ import annotations

from pathlib import Path

from smartroom.commands.door import find_door
from smartroom.control.app import people_of
from smartroom.protocol.people import NewUser, Role


async def add_user(data: Path, name: str, role: str, rooms: tuple[str, ...], password: str) -> str:
    """Add an account; returns what to say."""
    async with people_of(data) as people:
        row = await people.add_user(NewUser(name=name, password=password, role=Role(role), rooms=list(rooms)))
    return f"account {row.name} ({row.role}) in {', '.join(row.rooms)}"


async def list_users(data: Path) -> list[tuple[str, ...]]:
    """Accounts as a table."""
    async with people_of(data) as people:
        rows = [(row.name, str(row.role), " ".join(row.rooms), "off" if row.disabled else "") for row in people.users()]
    return [("name", "role", "rooms", ""), *rows]


async def create_token(data: Path, name: str, role: str, rooms: tuple[str, ...], days: float | None) -> str:
    """A token for a program; returned once and never shown again."""
    async with people_of(data) as people:
        issued = await people.tokens.create(name, Role(role), list(rooms), "command line", days=days)
    return issued.secret


async def pairing_link(
    data: Path, name: str, role: str, rooms: tuple[str, ...], url: str | None, wall: str | None = None
) -> str:
    """A one-use link that makes the browser that opens it a screen of these rooms, or the screen of one wall."""
    door = find_door(url, None, data)
    given = Role.DISPLAY if wall else Role(role)
    device = f"wall.{wall.removeprefix('wall.')}" if wall else None
    async with people_of(data) as people:
        offered = await people.tokens.offer(name, given, list(rooms), "command line", wall=device)
    return f"{door.url}/pair/{offered.code}"
