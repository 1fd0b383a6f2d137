"""`smartroom user | token | pair`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from smartroom.cli.common import DATA, URL, local

_ROOMS = click.option(
    "--room", "rooms", multiple=True, default=("*",), show_default=True, help="Repeat for several; * = every room."
)


_ROLES = click.Choice(["host", "operator", "technician", "admin", "auditor", "display", "signer", "guest"])


@click.group()
def user() -> None:
    """Accounts of people."""


@user.command("add")
@click.argument("name")
@click.option("--role", type=_ROLES, required=True)
@_ROOMS
@click.password_option(help="Asked for when it is not given.")
@DATA
def user_add(name: str, role: str, rooms: tuple[str, ...], password: str, data: Path) -> None:
    """Add an account."""
    from smartroom.commands.people import add_user  # noqa: PLC0415

    click.echo(local(add_user(data, name, role, rooms, password)))


@user.command("list")
@DATA
def user_list(data: Path) -> None:
    """Accounts, roles and rooms."""
    from smartroom.commands.output import table  # noqa: PLC0415
    from smartroom.commands.people import list_users  # noqa: PLC0415

    click.echo("\n".join(table(local(list_users(data)))))


@click.group()
def token() -> None:
    """Tokens of programs."""


@token.command("create")
@click.argument("name")
@click.option("--role", type=_ROLES, required=True)
@click.option("--days", type=float, help="It ends after so many days; default: never.")
@_ROOMS
@DATA
def token_create(name: str, role: str, days: float | None, rooms: tuple[str, ...], data: Path) -> None:
    """Print a new token; it is shown this once."""
    from smartroom.commands.people import create_token  # noqa: PLC0415

    click.echo(local(create_token(data, name, role, rooms, days)))


@click.command()
@click.argument("name")
@click.option("--role", type=_ROLES, default="host", show_default=True, help="What the screen may do.")
@click.option("--wall", default=None, help="Make it the screen of this wall of room.yaml; needs --room.")
@_ROOMS
@URL
@DATA
def pair(name: str, role: str, wall: str | None, rooms: tuple[str, ...], url: str | None, data: Path) -> None:
    """A one-use link (10 minutes) that makes a tablet or wall browser a screen of the room."""
    import segno  # noqa: PLC0415

    from smartroom.commands.people import pairing_link  # noqa: PLC0415

    link = local(pairing_link(data, name, role, rooms, url, wall))
    segno.make(link, error="m").terminal(sys.stdout, compact=True)
    click.echo(link)
