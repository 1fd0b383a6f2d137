"""What commands share: options, exit codes, how errors end them."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TypeVar

import click

if TYPE_CHECKING:
    from smartroom.client import Client
    from smartroom.protocol.state import RoomState

_T = TypeVar("_T")
EXIT_PARTIAL = 1
"""The command ran and the room did not reach the goal, or a file has an error."""
EXIT_USAGE = 2
"""Click's own: wrong words on the command line."""
EXIT_NO_SERVER = 3
DATA = click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    envvar="SMARTROOM_DATA",
    default=Path("data"),
    show_default=True,
    help="The server's data folder.",
)
URL = click.option(
    "--url", help="Server address; default: SMARTROOM_URL, else what the server left in the data folder."
)
TOKEN = click.option("--token", help="Token; default: SMARTROOM_TOKEN, else the one left in the data folder.")
JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def local(work: Coroutine[object, object, _T]) -> _T:
    """Run what works on this machine's own records; errors become one line and an exit code."""
    from pydantic import ValidationError  # noqa: PLC0415

    from smartroom.commands.door import NoServer  # noqa: PLC0415
    from smartroom.commands.output import problem_line  # noqa: PLC0415
    from smartroom.control.app import CannotStart  # noqa: PLC0415
    from smartroom.control.errors import ProblemError  # noqa: PLC0415

    try:
        return asyncio.run(work)
    except ProblemError as error:
        fail(problem_line(error.problem), EXIT_PARTIAL)
    except ValidationError as error:
        first = error.errors()[0]
        fail(f"{'.'.join(map(str, first['loc']))}: {first['msg']}", EXIT_USAGE)
    except NoServer as error:
        fail(str(error), EXIT_NO_SERVER)
    except CannotStart as error:
        fail(str(error), EXIT_PARTIAL)


def ask(url: str | None, token: str | None, data: Path, call: Callable[[Client], Coroutine[object, object, _T]]) -> _T:
    """Ask the server that runs here or at `url`."""
    from smartroom.client import Client  # noqa: PLC0415
    from smartroom.commands.door import find_door  # noqa: PLC0415

    async def ask() -> _T:
        door = find_door(url, token, data)
        async with Client(door.url, door.token, ca=door.ca) as client:
            return await call(client)

    return answered(ask())


def room_now(url: str | None, token: str | None, data: Path, room: str) -> RoomState | None:
    """How the real room stands; None where no server is named and none runs here."""
    from smartroom.commands.door import NoServer, find_door  # noqa: PLC0415

    try:
        find_door(url, token, data)
    except NoServer:
        return None
    return ask(url, token, data, lambda client: client.room(room).state())


def answered(work: Coroutine[object, object, _T]) -> _T:
    """Run what asks a server; errors become one line and an exit code."""
    from smartroom.client import ClientError, Refused, ServerGone  # noqa: PLC0415
    from smartroom.commands.door import NoServer  # noqa: PLC0415
    from smartroom.commands.output import problem_line  # noqa: PLC0415

    try:
        return asyncio.run(work)
    except KeyboardInterrupt:
        sys.exit(130)
    except NoServer as error:
        fail(str(error), EXIT_NO_SERVER)
    except ServerGone as error:
        fail(f"{error}. Fix: start the server, or correct --url", EXIT_NO_SERVER)
    except Refused as error:
        fail(problem_line(error.problem), EXIT_PARTIAL)
    except ClientError as error:
        fail(str(error), EXIT_PARTIAL)


def settings_of(pairs: tuple[str, ...]) -> dict[str, object]:
    """Settings typed as NAME=VALUE."""
    from devices.sdk.document import parse_document  # noqa: PLC0415

    settings: dict[str, object] = {}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        if not equals:
            fail(f"--set {pair}: write NAME=VALUE", EXIT_USAGE)
        settings[key] = parse_document(text).value
    return settings


def quick_start() -> None:
    """A start makes no garbage worth looking for; the server switches collections on again when it answers."""
    import gc  # noqa: PLC0415

    gc.disable()


def run_until_stopped(server: Coroutine[object, object, None]) -> None:
    """Serve until Ctrl-C."""
    from smartroom.control.app import CannotStart  # noqa: PLC0415

    try:
        asyncio.run(server)
    except CannotStart as error:
        fail(str(error), EXIT_PARTIAL)
    except KeyboardInterrupt:
        sys.exit(130)


def fail(message: str, code: int) -> NoReturn:
    """Say why, and leave."""
    click.echo(f"error: {message}", err=True)
    sys.exit(code)
