"""`smartroom serve`: one server from start to stop."""

from __future__ import annotations

import asyncio
import fcntl
import json
import logging
import os
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING

import click

from smartroom import __version__
from smartroom.commands.door import Door, close_door, leave_door
from smartroom.control.app import Application, CannotStart, Media, certificate
from smartroom.control.conference.engine import Placement
from smartroom.control.conference.turn import Turn
from smartroom.control.garbage import spare_collections
from smartroom.control.web.ports import Front
from smartroom.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smartroom.commands.simulators import Simulators

CLI_TOKEN = "command line"  # noqa: S105  # a name


@dataclass(frozen=True, slots=True)
class Running:
    """A server that answers."""

    application: Application
    front: Front
    simulators: Simulators | None
    setup_code: str | None

    @property
    def url(self) -> str:
        """Address to show to people: a name or LAN address where there is one, else localhost."""
        near = ("127.0.0.1", "localhost")
        far = sorted(origin for origin in self.front.origins if not any(name in origin for name in near))
        scheme = "https" if self.front.tls else "http"
        return far[0] if far else f"{scheme}://localhost:{self.front.port}"


async def run_server(settings: Settings, begun: Callable[[Running], Awaitable[None]] | None = None) -> None:
    """Serve until SIGTERM or SIGINT. `begun` is called when the server answers; CannotStart says what to mend."""
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s", level=logging.INFO)
    logging.getLogger("alembic").setLevel(logging.WARNING)  # its plugins introduce themselves one by one
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    async with serving(settings) as running:
        await (begun or _say)(running)
        await ended.wait()
        click.echo("stopping …")


@asynccontextmanager
async def serving(settings: Settings) -> AsyncIterator[Running]:
    """Everything from the data folder's lock to the first answer, undone in the opposite order."""
    settings.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    async with AsyncExitStack() as stack:
        stack.enter_context(_only_one(settings))
        simulators = await stack.enter_async_context(_simulators(settings)) if settings.simulated else None
        addresses = simulators.addresses if simulators else {}
        application = Application(
            settings.site,
            settings.data,
            database=settings.database,
            addresses=addresses,
            simulation=simulators,
            media=_media(settings),
            ceremony=settings.ceremony,
        )
        await stack.enter_async_context(application)
        front = _front(settings)
        try:
            await stack.enter_async_context(application.web(front))
        except OSError as error:
            raise CannotStart(
                f"cannot listen on {settings.host}:{front.port}: {error.strerror}. "
                "Fix: stop what uses the port, or choose another with --port (PORT= for make)"
            ) from error
        ca = str(front.root_certificate.resolve()) if front.root_certificate else ""
        scheme = "https" if front.tls else "http"
        token = await application.machine_token(CLI_TOKEN)
        leave_door(settings.data, Door(f"{scheme}://localhost:{front.port}", token, ca, str(settings.site.resolve())))
        stack.callback(close_door, settings.data)
        spare_collections()
        yield Running(application, front, simulators, application.people.open_setup())


@contextmanager
def _only_one(settings: Settings) -> Iterator[None]:
    """Two servers on one data folder would both believe that they own the room."""
    lock = (settings.data / ".lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        raise CannotStart(
            f"another server uses {settings.data}. Fix: stop it, or choose another folder with --data"
        ) from None
    try:
        yield
    finally:
        lock.close()


def _simulators(settings: Settings) -> Simulators:
    from smartroom.commands.simulators import Simulators  # noqa: PLC0415  # a real room never needs it

    return Simulators(settings.site, settings.data / "simulators")


def _media(settings: Settings) -> Media:
    """Workers listen where browsers reach the server: on this machine alone when it does."""
    near = settings.host in ("127.0.0.1", "localhost", "::1")
    found = settings.media_addresses or (("127.0.0.1",) if near else tuple(local_addresses()) or ("127.0.0.1",))
    cores = len(os.sched_getaffinity(0))
    turn = Turn(settings.turn_secret, settings.turn_urls) if settings.turn_secret and settings.turn_urls else None
    return Media(Placement(found, settings.media_port), settings.media_workers or max(1, cores - 1), turn)


def _front(settings: Settings) -> Front:
    port = settings.port or _free_port(settings.host)
    names = ["localhost", "127.0.0.1", *settings.names]
    if settings.host not in ("127.0.0.1", "localhost", "::1"):
        names += [socket.gethostname(), *local_addresses()]
    names = list(dict.fromkeys(names))
    tls = certificate(settings.data, names, settings.tls_cert, settings.tls_key) if settings.tls else None
    scheme, default = ("https", 443) if tls else ("http", 80)
    suffix = "" if port == default else f":{port}"
    return Front(
        host=settings.host,
        port=port,
        origins=frozenset(f"{scheme}://{name}{suffix}" for name in names),
        build=_build(),
        tls=tls.context if tls else None,
        root_certificate=tls.root if tls else None,
        dashboards=settings.dashboards,
    )


def local_addresses() -> list[str]:
    """Addresses of this machine on its networks, the one towards the default route first."""
    found: list[str] = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # TEST-NET: nothing is sent, the system only picks the way out
            found.append(str(probe.getsockname()[0]))
        except OSError:
            pass
    with suppress(OSError):
        found += [str(item[4][0]) for item in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)]
    return [address for address in dict.fromkeys(found) if not address.startswith("127.")]


def _free_port(host: str) -> int:
    with socket.create_server((host, 0)) as probe:
        return int(probe.getsockname()[1])


def _build() -> str:
    file = resources.files("smartroom.control.web") / "static" / "build.json"
    try:
        return str(json.loads(file.read_text())["build"])
    except (OSError, ValueError, KeyError):
        return __version__


async def _say(running: Running) -> None:
    click.echo(f"smartroom {__version__} (pid {os.getpid()}) answers at {running.url}")
    for name, problem in running.application.broken.items():
        click.echo(f"room {name} is not open: {problem.detail}", err=True)
    if running.setup_code:
        click.echo(f"First administrator: open {running.url}/setup within 30 minutes, code {running.setup_code}")
