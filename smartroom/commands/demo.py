"""`smartroom demo`: the site template with simulators, demo accounts, and what to open."""

from __future__ import annotations

import shutil
import sys
from importlib import resources
from pathlib import Path

import click

from smartroom.commands.demo_signing import PASSPHRASE, SIGNER, DemoSigning
from smartroom.commands.output import table
from smartroom.commands.serve import Running, run_server
from smartroom.control.app import Application
from smartroom.control.room.secrets import SECRETS_FILE
from smartroom.protocol.conference import MeetingPhase, NewMeeting
from smartroom.protocol.people import Role
from smartroom.settings import Settings

PASSWORD = "ruang-uji-2026"  # noqa: S105  # printed for everybody: the hardware is simulated
ACCOUNTS = {"host": Role.HOST, "operator": Role.OPERATOR, "teknisi": Role.TECHNICIAN, "admin": Role.ADMIN}
SIMULATED_SECRET = "lampu"  # noqa: S105  # of a simulated projector


async def run_demo(
    data: Path, port: int, *, lan: bool, fresh: bool, certificate: Path | None, key: Path | None
) -> None:
    """Copy the site once, start simulators and server, say what to open."""
    if fresh:
        shutil.rmtree(data, ignore_errors=True)
    site = _site(data / "site")
    signing = DemoSigning(data)
    settings = Settings(
        site=site,
        data=data,
        host="0.0.0.0" if lan else "127.0.0.1",
        port=port,
        tls=lan or certificate is not None,
        tls_cert=certificate,
        tls_key=key,
        simulated=True,
        ceremony=signing.settings,
    )
    click.echo("Starting simulators and server …")
    async with signing:
        await run_server(settings, lambda running: _welcome(running, site, lan=lan))


def template() -> Path:
    """The site that ships: `scenes/` of a checkout, `site_template/` of the wheel."""
    shipped = Path(str(resources.files("smartroom"))) / "site_template"
    return shipped if shipped.is_dir() else Path(__file__).resolve().parents[2] / "scenes"


def _site(folder: Path) -> Path:
    """The demo's own copy, so that it can be edited; kept from start to start."""
    if not folder.is_dir():
        shutil.copytree(template(), folder)
    secrets = folder / SECRETS_FILE
    if not secrets.exists():
        secrets.touch(mode=0o600)
        secrets.write_text(f"projector: {SIMULATED_SECRET}\n")
    return folder


async def _meeting(application: Application, room: str) -> str:
    """The path of an open meeting's link; the same one from start to start."""
    meetings = application.meetings
    row = next((row for row in meetings.of_room(room) if row.phase is not MeetingPhase.ENDED), None)
    if row is None:
        agenda = ["Pembukaan", "Laporan kesiapan OPD", "Tindak lanjut"]
        row = await meetings.plan(room, NewMeeting(title="Rapat HUT Kota", minutes=120, agenda=agenda), "demo")
    row = await meetings.start(row.id)
    return f"/meet/{row.code}"


async def _welcome(running: Running, site: Path, *, lan: bool) -> None:
    await running.application.known_accounts(ACCOUNTS, PASSWORD)
    rooms = list(running.application.desks)
    link = running.url + await running.application.pairing("Tablet demo", Role.OPERATOR)
    click.echo("")
    if running.simulators:
        rows = [("simulated", "device", "at", "pid", "start it again with")]
        rows += [
            (item.room, item.device, item.address, str(item.pid), item.command) for item in running.simulators.running
        ]
        click.echo("\n".join(table(rows)))
    click.echo("")
    click.echo(f"  Open        {link}")
    click.echo("              (once: this browser becomes the room's tablet)")
    click.echo(f"  or sign in  {running.url}/login   {', '.join(ACCOUNTS)} · password {PASSWORD}")
    click.echo(f"  Meeting     {running.url}{await _meeting(running.application, rooms[0])}")
    click.echo("              (open it in two windows: a guest each; the tablet admits, calls the roll, spotlights)")
    pad = await running.application.pairing("Tablet prasasti", Role.SIGNER, rooms[:1])
    click.echo(
        f"  Peresmian   {running.url}/ceremony/{rooms[0]}   (text, two persons, stage; sign in as host or operator)"
    )
    click.echo(f"  Pad         {running.url}{pad}   (once, in a private window: it becomes the signing tablet)")
    click.echo(f"              TTE at the simulated BSrE: {SIGNER} · {PASSPHRASE}")
    click.echo(f"  Scenes      {site}/{rooms[0]}/*.yaml   (save a file, the room follows)")
    click.echo(f"  Plan        smartroom plan {rooms[0]} rapat")
    if lan:
        import segno  # noqa: PLC0415  # only a tablet needs a picture

        click.echo(f"  Trust       {running.url}/trust   (install the certificate on the tablet first)")
        click.echo("")
        segno.make(link, error="m").terminal(sys.stdout, compact=True)
    click.echo("")
    click.echo("Ctrl-C stops everything.")
