"""`smartroom room | script`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from smartroom.cli.common import DATA, EXIT_NO_SERVER, EXIT_PARTIAL, EXIT_USAGE, TOKEN, URL, answered, fail


@click.group()
def script() -> None:
    """Technicians' own programs."""


@script.command("run")
@click.argument("file", type=click.Path(dir_okay=False, exists=True, path_type=Path))
@click.option("--room", required=True, help="The room the script may move; it reaches no other.")
@click.option("--timeout", default="60s", show_default=True, help="60s or 2m; then it is stopped.")
@URL
@TOKEN
@DATA
def script_run(file: Path, room: str, timeout: str, url: str | None, token: str | None, data: Path) -> None:
    """Run FILE's `async def main(room)` in a process of its own, with a token of its own that ends with it."""
    from smartroom.commands.door import NoServer, find_door  # noqa: PLC0415
    from smartroom.commands.script import BadScript, run_script, seconds  # noqa: PLC0415

    try:
        limit = seconds(timeout)
        door = find_door(url, token, data)
    except BadScript as error:
        fail(str(error), EXIT_USAGE)
    except NoServer as error:
        fail(str(error), EXIT_NO_SERVER)
    code, sentence = answered(run_script(door, file.resolve(), room, limit))
    if sentence:
        click.echo(f"error: {sentence}", err=True)
    sys.exit(code)


@click.group("room")
def room_group() -> None:
    """Rooms of a site."""


@room_group.command("new")
@click.argument("name")
@click.option(
    "--site",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(),
    help="Site to add it to; default: this folder.",
)
def room_new(name: str, site: Path) -> None:
    """Write a room's folder to start from: room.yaml, base.yaml and two scenes that `smartroom check` accepts."""
    from smartroom.commands.new_room import BadRoom, new_room  # noqa: PLC0415

    try:
        folder = new_room(site, name)
    except BadRoom as error:
        fail(str(error), EXIT_PARTIAL)
    for path in sorted(folder.iterdir()):
        click.echo(f"wrote {path}")
    click.echo(f"Next: put your devices into {folder / 'room.yaml'}, then  smartroom check {folder}")
