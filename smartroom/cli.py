"""The command line. Each command imports what it needs when it runs: `smartroom --help` must not cost a second."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TypeVar

import click

from smartroom import __version__

if TYPE_CHECKING:
    from smartroom.client import Client
    from smartroom.protocol.scenes import Override
    from smartroom.protocol.state import RoomState

_T = TypeVar("_T")

EXIT_PARTIAL = 1
"""The command ran and the room did not reach the goal, or a file has an error."""
EXIT_USAGE = 2
"""Click's own: wrong words on the command line."""
EXIT_NO_SERVER = 3

_DATA = click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    envvar="SMARTROOM_DATA",
    default=Path("data"),
    show_default=True,
    help="The server's data folder.",
)
_URL = click.option(
    "--url", help="Server address; default: SMARTROOM_URL, else what the server left in the data folder."
)
_TOKEN = click.option("--token", help="Token; default: SMARTROOM_TOKEN, else the one left in the data folder.")
_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="smartroom")
def main() -> None:
    """A room server that shows only what the hardware reported."""


@main.command()
@click.option("--port", type=int, default=8080, show_default=True)
@click.option("--lan", is_flag=True, help="HTTPS on the network, with a local CA and a QR to pair a tablet.")
@click.option(
    "--tls-cert",
    type=click.Path(dir_okay=False, exists=True, path_type=Path),
    help="Certificate chain to use instead of the local CA.",
)
@click.option("--tls-key", type=click.Path(dir_okay=False, exists=True, path_type=Path))
@click.option("--fresh", is_flag=True, help="Throw the demo's data away first.")
@_DATA
def demo(port: int, data: Path, tls_cert: Path | None, tls_key: Path | None, *, lan: bool, fresh: bool) -> None:
    """The demo rooms with simulated hardware: a copy of the site template, demo accounts."""
    _quick_start()
    from smartroom.commands.demo import run_demo  # noqa: PLC0415

    _run_server(run_demo(data, port, lan=lan, fresh=fresh, certificate=tls_cert, key=tls_key))


@main.command()
@click.option(
    "--site",
    type=click.Path(file_okay=False, exists=True, path_type=Path),
    required=True,
    help="Folder with one folder per room.",
)
@click.option(
    "--data", type=click.Path(file_okay=False, path_type=Path), required=True, help="Folder the server writes."
)
@click.option("--host", default=None, help="Address to listen on. [default: 127.0.0.1]")
@click.option("--port", type=int, default=None, help="[default: 8080]")
@click.option("--name", "names", multiple=True, help="Name or address browsers call the server by; repeat for several.")
@click.option("--lan", is_flag=True, help="HTTPS on all addresses, with a local CA.")
@click.option("--tls-cert", type=click.Path(dir_okay=False, exists=True, path_type=Path))
@click.option("--tls-key", type=click.Path(dir_okay=False, exists=True, path_type=Path))
@click.option("--simulated", is_flag=True, help="Simulators in the place of all hardware.")
def serve(
    site: Path,
    data: Path,
    host: str | None,
    port: int | None,
    names: tuple[str, ...],
    tls_cert: Path | None,
    tls_key: Path | None,
    *,
    lan: bool,
    simulated: bool,
) -> None:
    """The real server."""
    _quick_start()
    from smartroom.commands.serve import run_server  # noqa: PLC0415
    from smartroom.settings import load_settings  # noqa: PLC0415

    given = {
        "site": site,
        "data": data,
        "host": host or ("0.0.0.0" if lan else None),
        "port": port,
        "names": names or None,
    }  # --lan asks for it
    given |= {
        "tls": lan or tls_cert is not None or None,
        "tls_cert": tls_cert,
        "tls_key": tls_key,
        "simulated": simulated or None,
    }
    _run_server(run_server(load_settings({key: value for key, value in given.items() if value is not None})))


@main.command()
@click.argument("folder", type=click.Path(path_type=Path))
def check(folder: Path) -> None:
    """Check a site's files (or one room's): every error with file, line and fix."""
    from smartroom.commands.check import check as check_files  # noqa: PLC0415

    findings = check_files(folder)
    for warning in findings.warnings:
        click.echo(f"warning: {warning}")
    for error in findings.errors:
        click.echo(f"error: {error}", err=True)
    for room, (devices, scenes, rundowns) in findings.rooms.items():
        click.echo(f"{room}: {devices} devices, {scenes} scenes, {rundowns} rundowns")
    if findings.errors:
        sys.exit(EXIT_PARTIAL)
    click.echo("no errors")


@main.command()
@click.argument("room")
@click.argument("scene")
@click.option("--offline", is_flag=True, help="From the files alone; every present value is unknown.")
@click.option(
    "--site",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("scenes"),
    show_default=True,
    help="Site for --offline.",
)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Keep it in FILE, to be read, sent around and applied.",
)
@_JSON
@_URL
@_TOKEN
@_DATA
def plan(
    room: str,
    scene: str,
    site: Path,
    out: Path | None,
    url: str | None,
    token: str | None,
    data: Path,
    *,
    offline: bool,
    as_json: bool,
) -> None:
    """What a scene would do, before anything is sent: now -> goal -> bytes -> ms."""
    from smartroom.commands.output import plan_lines  # noqa: PLC0415

    if offline:
        from devices.sdk.document import DocumentError  # noqa: PLC0415
        from smartroom.commands.check import offline_plan  # noqa: PLC0415

        try:
            found = offline_plan(site, room, scene)
        except (DocumentError, KeyError) as error:
            _fail(str(error.args[0] if isinstance(error, KeyError) else error), EXIT_PARTIAL)
    else:
        found = _ask(url, token, data, lambda client: client.room(room).plan(scene))
    click.echo(found.model_dump_json(indent=1) if as_json else "\n".join(plan_lines(found)))
    if out is not None:
        from smartroom.commands.plans import BadPlan, write_plan  # noqa: PLC0415

        try:
            write_plan(found, out)
        except BadPlan as error:
            _fail(str(error), EXIT_PARTIAL)
        click.echo(f"kept in {out}", err=as_json)


@main.command()
@click.argument("room", required=False)
@click.argument("scene", required=False)
@click.option(
    "--plan",
    "plan_file",
    type=click.Path(dir_okay=False, exists=True, path_type=Path),
    help="Only if it does exactly what this plan says; it names room and scene.",
)
@click.option("--override", "rules", multiple=True, help="Set a rule of wear or safety aside; repeat. Needs --reason.")
@click.option("--reason", help="Why; kept in the audit trail and the history.")
@_JSON
@_URL
@_TOKEN
@_DATA
def apply(
    room: str | None,
    scene: str | None,
    plan_file: Path | None,
    rules: tuple[str, ...],
    reason: str | None,
    url: str | None,
    token: str | None,
    data: Path,
    *,
    as_json: bool,
) -> None:
    """Recall a scene and wait: result and readings. Exit 1 when it was not achieved."""
    from smartroom.commands.output import report_lines  # noqa: PLC0415
    from smartroom.commands.plans import BadPlan, read_plan  # noqa: PLC0415

    try:
        given = read_plan(plan_file) if plan_file is not None else None
    except BadPlan as error:
        _fail(str(error), EXIT_PARTIAL)
    room, scene = room or (given.room if given else None), scene or (given.scene if given else None)
    if room is None or scene is None:
        raise click.UsageError("name ROOM and SCENE, or a plan with --plan FILE")
    override = _override(rules, reason)
    report = _ask(url, token, data, lambda client: client.room(room).apply(scene, plan=given, override=override))
    click.echo(report.model_dump_json(indent=1) if as_json else "\n".join(report_lines(report)))
    if report.run.result != "achieved":
        sys.exit(EXIT_PARTIAL)


@main.command()
@click.argument("room")
@click.option("--kind", default="", help="run, hand, change, link, system; several with commas.")
@click.option("--device", default="", help="Only what touched this device.")
@click.option("--scene", default="", help="Only runs of this scene.")
@click.option("--by", default="", help="A part of the person's or program's name.")
@click.option("--limit", type=click.IntRange(1, 200), default=20, show_default=True)
@click.option("--before", default="", help="Go on where an earlier answer ended.")
@click.option("--bytes", "show_bytes", is_flag=True, help="What went over the wires.")
@_JSON
@_URL
@_TOKEN
@_DATA
def history(
    room: str,
    kind: str,
    device: str,
    scene: str,
    by: str,
    limit: int,
    before: str,
    url: str | None,
    token: str | None,
    data: Path,
    *,
    show_bytes: bool,
    as_json: bool,
) -> None:
    """What happened in a room, newest first: who, when, what changed, how long."""
    from smartroom.commands.history import history_lines  # noqa: PLC0415
    from smartroom.protocol.history import HistoryQuery  # noqa: PLC0415

    query = HistoryQuery(kind=kind, device=device, scene=scene, by=by, before=before, limit=limit)
    found = _ask(url, token, data, lambda client: client.room(room).history(query))
    if as_json:
        click.echo(found.model_dump_json(indent=1))
        return
    click.echo("\n".join(history_lines(found.entries, show_bytes=show_bytes)) if found.entries else "nothing happened")
    if found.older:
        click.echo(f"older: --before {found.older}")


@main.command()
@click.argument("room")
@click.argument("scene")
@click.option(
    "--extends", default="*", help="Scene to differ from; default: whichever leaves the shortest file. '' for none."
)
@click.option("--name", "name_id", help="Its name on the tile; default: made from SCENE.")
@click.option("--name-en", help="The same in English.")
@click.option("--drop", multiple=True, help="Leave a line out: matrix.mute.1; repeat.")
@click.option("--add", multiple=True, help="Take in a line that is not proposed; repeat.")
@click.option("--yes", is_flag=True, help="Write without asking.")
@_URL
@_TOKEN
@_DATA
def record(
    room: str,
    scene: str,
    extends: str,
    name_id: str | None,
    name_en: str | None,
    drop: tuple[str, ...],
    add: tuple[str, ...],
    url: str | None,
    token: str | None,
    data: Path,
    *,
    yes: bool,
) -> None:
    """Record the room as it is as a new SCENE: shown line by line, written only after approval."""
    from smartroom.commands.record import BadChoice, choose, recording_lines  # noqa: PLC0415
    from smartroom.protocol.base import Text  # noqa: PLC0415

    found = _ask(url, token, data, lambda client: client.room(room).recording(extends))
    try:
        lines = choose(found, drop, add)
    except BadChoice as error:
        _fail(str(error), EXIT_PARTIAL)
    click.echo("\n".join(recording_lines(found, [f"{line.device}.{line.property}" for line in lines])))
    if not lines:
        _fail("nothing to record: the room is as the extended scene wants it", EXIT_PARTIAL)
    if not yes and not click.confirm(f"Write {scene}.yaml with {len(lines)} lines?"):
        click.echo("nothing was written")
        return
    name = Text(id=name_id or scene.replace("-", " ").capitalize(), en=name_en or "")
    _ask(url, token, data, lambda client: client.room(room).record(scene, name, found, lines))
    click.echo(f"wrote {scene}.yaml; its tile appears within a second")


@main.group("log")
def log_group() -> None:
    """The rooms' event logs, read from the data folder; no server is needed."""


@log_group.command("verify")
@click.argument("rooms", nargs=-1)
@click.option("--head", "heads", multiple=True, help="An end noted earlier, as this command prints it; repeat.")
@_DATA
def log_verify(rooms: tuple[str, ...], heads: tuple[str, ...], data: Path) -> None:
    """Prove that nothing in the logs was changed, moved or taken out. Exit 1 when something was."""
    from smartroom.commands.history import NoLog, verdict_line, verify_log  # noqa: PLC0415

    broken = False
    try:
        for room, verdict in verify_log(data, rooms, heads):
            broken = broken or bool(verdict.broken)
            click.echo(verdict_line(room, verdict), err=bool(verdict.broken))
    except NoLog as error:
        _fail(str(error), EXIT_PARTIAL)
    if broken:
        sys.exit(EXIT_PARTIAL)


@log_group.command("at")
@click.argument("room")
@click.argument("moment")
@_DATA
def log_at(room: str, moment: str, data: Path) -> None:
    """The room as it was at MOMENT (2026-11-27T09:15:30), from the log alone."""
    from smartroom.commands.history import NoLog, state_at, state_lines  # noqa: PLC0415

    try:
        at, chronicle = state_at(data, room, moment)
    except NoLog as error:
        _fail(str(error), EXIT_PARTIAL)
    click.echo("\n".join(state_lines(at, chronicle)))


@main.command()
@click.argument("room")
@click.argument("name", metavar="SCENE|RUNDOWN")
@click.option(
    "--fault", "faults", multiple=True, help="DEVICE:FAULT, as  projector:warmup=90  or  cam-front:silent; repeat."
)
@click.option(
    "--seed", type=int, default=0, show_default=True, help="What is left to chance; the same seed, the same chances."
)
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), help="Write the report with every press and byte."
)
@click.option(
    "--replay",
    type=click.Path(dir_okay=False, exists=True, path_type=Path),
    help="A report of --out: the same presses at the same moments, and whether the same bytes follow.",
)
@click.option(
    "--site",
    type=click.Path(file_okay=False, exists=True, path_type=Path),
    default=None,
    help="Site to rehearse. [default: that of the running server, else scenes]",
)
@click.option("--fresh", is_flag=True, help="Do not ask the server how the room stands: devices as after power on.")
@_JSON
@_URL
@_TOKEN
@_DATA
def rehearse(
    room: str,
    name: str,
    faults: tuple[str, ...],
    seed: int,
    out: Path | None,
    replay: Path | None,
    site: Path | None,
    url: str | None,
    token: str | None,
    data: Path,
    *,
    fresh: bool,
    as_json: bool,
) -> None:
    """A scene or a rundown on simulators, in seconds: the same report, and no way to reach hardware or records. Exit 1 when not achieved."""
    from smartroom.commands.door import site_of  # noqa: PLC0415
    from smartroom.commands.rehearse import (  # noqa: PLC0415
        BadRehearsal,
        Wanted,
        rehearsal_lines,
        rehearse_sealed,
    )

    state = None if fresh else _room_now(url, token, data, room)
    where = site or site_of(data) or Path("scenes")
    report_file = out.open("w") if out else None  # before the process is sealed
    try:
        report, earlier = rehearse_sealed(Wanted(where, room, name, faults, seed, replay), state)
    except BadRehearsal as error:
        _fail(str(error), EXIT_PARTIAL)
    text = report.model_dump_json(indent=1)
    if report_file:
        report_file.write(text)
        report_file.close()
    click.echo(text if as_json else "\n".join(rehearsal_lines(report, earlier)))
    if not report.achieved or (earlier is not None and earlier.digest != report.digest):
        sys.exit(EXIT_PARTIAL)


@main.group()
def script() -> None:
    """Technicians' own programs."""


@script.command("run")
@click.argument("file", type=click.Path(dir_okay=False, exists=True, path_type=Path))
@click.option("--room", required=True, help="The room the script may move; it reaches no other.")
@click.option("--timeout", default="60s", show_default=True, help="60s or 2m; then it is stopped.")
@_URL
@_TOKEN
@_DATA
def script_run(file: Path, room: str, timeout: str, url: str | None, token: str | None, data: Path) -> None:
    """Run FILE's `async def main(room)` in a process of its own, with a token of its own that ends with it."""
    from smartroom.commands.door import NoServer, find_door  # noqa: PLC0415
    from smartroom.commands.script import BadScript, run_script, seconds  # noqa: PLC0415

    try:
        limit = seconds(timeout)
        door = find_door(url, token, data)
    except BadScript as error:
        _fail(str(error), EXIT_USAGE)
    except NoServer as error:
        _fail(str(error), EXIT_NO_SERVER)
    code, sentence = _answered(run_script(door, file.resolve(), room, limit))
    if sentence:
        click.echo(f"error: {sentence}", err=True)
    sys.exit(code)


@main.group("room")
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
        _fail(str(error), EXIT_PARTIAL)
    for path in sorted(folder.iterdir()):
        click.echo(f"wrote {path}")
    click.echo(f"Next: put your devices into {folder / 'room.yaml'}, then  smartroom check {folder}")


@main.command()
@click.argument("family")
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", type=int, default=None, help="0 = any free one; default: the family's own.")
@click.option("--serial", is_flag=True, help="A pseudo terminal instead of a port.")
@click.option("--fault", "faults", default="", help="delay=2,drop=0.1,garbage,lie,reboot=20 …")
@click.option(
    "--settings",
    "settings_file",
    type=click.Path(dir_okay=False, exists=True, path_type=Path),
    help="JSON file with the device's settings.",
)
@click.option("--set", "pairs", multiple=True, help="One setting: --set outputs=4")
@click.option(
    "--drivers",
    "folder",
    type=click.Path(file_okay=False, exists=True, path_type=Path),
    help="Folder with families of your own.",
)
def simulate(
    family: str,
    host: str,
    port: int | None,
    faults: str,
    settings_file: Path | None,
    pairs: tuple[str, ...],
    folder: Path | None,
    *,
    serial: bool,
) -> None:
    """A device that speaks its real protocol on a port or a pseudo terminal. Type `state` or `fault lie` while it runs."""
    from devices.sdk.errors import BadSetting  # noqa: PLC0415
    from devices.sdk.testing.run import run_simulator  # noqa: PLC0415

    settings = json.loads(settings_file.read_text()) if settings_file else {}
    settings |= _settings(pairs)
    try:
        asyncio.run(
            run_simulator(
                family,
                host=host,
                port=port,
                serial=serial,
                faults=faults,
                settings=settings,
                announce=click.echo,
                folders=(folder,) if folder else (),
            )
        )
    except (BadSetting, ValueError) as error:
        _fail(str(error), EXIT_PARTIAL)
    except OSError as error:
        _fail(
            f"cannot listen on port {port}: {error.strerror}. Fix: choose another with --port, or --port 0",
            EXIT_PARTIAL,
        )
    except KeyboardInterrupt:
        sys.exit(130)


_CERTIFICATES = click.Path(exists=True, path_type=Path)


@main.command()
@click.argument("file", type=click.Path(dir_okay=False, exists=True, path_type=Path))
@click.option(
    "--root",
    "roots",
    multiple=True,
    type=_CERTIFICATES,
    help="Trusted root, PEM file or folder, beside DATA/trust/roots; repeat.",
)
@click.option("--test-root", "test_roots", multiple=True, type=_CERTIFICATES, help="Root of rehearsals.")
@click.option("--intermediate", "intermediates", multiple=True, type=_CERTIFICATES, help="PEM file or folder; repeat.")
@_DATA
@_JSON
def verify(
    file: Path,
    roots: tuple[Path, ...],
    test_roots: tuple[Path, ...],
    intermediates: tuple[Path, ...],
    data: Path,
    *,
    as_json: bool,
) -> None:
    """Judge a signed PDF offline: content unchanged, signer known, time vouched for. Exit 1 unless it may be called valid."""
    from smartroom.commands.verify import verdict_lines, verify_file  # noqa: PLC0415

    verdict = asyncio.run(verify_file(file, data, roots, test_roots, intermediates))
    click.echo(verdict.model_dump_json(indent=1) if as_json else "\n".join(verdict_lines(verdict)))
    if not verdict.passed:
        sys.exit(EXIT_PARTIAL)


@main.group()
def journal() -> None:
    """Journals of ceremonies, and other chains of records."""


@journal.command("verify")
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--key", help="Public half of the key that signs heads, as printed in the Berita Acara.")
@click.option("--head", "known", multiple=True, help="A head known from elsewhere, NUMBER:HASH; repeat.")
@_JSON
def journal_verify(paths: tuple[Path, ...], key: str | None, known: tuple[str, ...], *, as_json: bool) -> None:
    """Check journals from the first record to the last: folders of ceremonies, unpacked bundles, or files. Exit 1 when one is broken."""
    from smartroom.commands import journal as work  # noqa: PLC0415

    broken = False
    for path in paths:
        try:
            report = work.verify_journal(path, key, known)
        except (work.NoJournal, OSError) as error:
            _fail(str(error), EXIT_PARTIAL)
        click.echo(work.as_json(report) if as_json else "\n".join(work.report_lines(path, report)))
        broken = broken or bool(report.broken)
    if broken:
        sys.exit(EXIT_PARTIAL)


@journal.command("export")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("target", type=click.Path(dir_okay=False, path_type=Path))
def journal_export(folder: Path, target: Path) -> None:
    """Pack a ceremony's evidence into a ZIP: document, journal, strokes, photo, timeline, list of hashes."""
    from smartroom.commands import journal as work  # noqa: PLC0415

    try:
        size = work.export_bundle(folder, target)
    except (work.NoJournal, OSError) as error:
        _fail(str(error), EXIT_PARTIAL)
    click.echo(f"{target}: {size} bytes")


@main.group()
def drivers() -> None:
    """Driver families."""


@drivers.command("list")
@click.option(
    "--drivers",
    "folder",
    type=click.Path(file_okay=False, exists=True, path_type=Path),
    help="Folder with families of your own.",
)
def drivers_list(folder: Path | None) -> None:
    """Families, what they can do and how they are connected."""
    from devices.sdk.catalog import find_families, load_family  # noqa: PLC0415
    from smartroom.commands.output import table  # noqa: PLC0415

    rows = [("family", "kind", "transports", "capabilities", "confirmed on hardware")]
    for name, path in sorted(find_families(*([folder] if folder else [])).items()):
        manifest = load_family(path).manifest
        transports = " ".join(item for item in manifest.transports if item != "memory")
        rows.append(
            (
                name,
                manifest.kind,
                transports,
                " ".join(manifest.capabilities),
                ", ".join(manifest.models_confirmed) or "none yet",
            )
        )
    click.echo("\n".join(table(rows)))


_DRIVERS = click.option(
    "--drivers",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("drivers"),
    show_default=True,
    help="Folder with families of your own: SITE/drivers.",
)


@drivers.command("new")
@click.argument("name")
@click.option("--profile", help="An HDMI matrix by YAML alone, beginning with this dialect: ptn, ekl, techly …")
@_DRIVERS
def drivers_new(name: str, profile: str | None, folder: Path) -> None:
    """Begin a family of your own: a whole working one to change, or with --profile two YAML files."""
    from smartroom.commands.drivers import CannotMake, new_family  # noqa: PLC0415

    try:
        for path in new_family(name, folder, profile):
            click.echo(path)
    except CannotMake as error:
        _fail(str(error), EXIT_PARTIAL)
    click.echo(f"next: smartroom drivers check {name} --drivers {folder}")


@drivers.command("check")
@click.argument("name")
@_DRIVERS
def drivers_check(name: str, folder: Path) -> None:
    """Hold a family to the SDK's promises, driver against simulator with every fault. Exit 1 with findings."""
    from devices.sdk.errors import BadSetting  # noqa: PLC0415
    from smartroom.commands.drivers import check_family  # noqa: PLC0415

    logging.disable(logging.WARNING)  # connections break on purpose
    try:
        findings = asyncio.run(check_family(name, folder))
    except BadSetting as error:
        _fail(str(error), EXIT_PARTIAL)
    finally:
        logging.disable(logging.NOTSET)
    for finding in findings:
        click.echo(f"{finding.check}: {finding.message}", err=True)
    if findings:
        sys.exit(EXIT_PARTIAL)
    click.echo(f"{name}: no findings")


@drivers.command("talk")
@click.argument("name")
@click.option(
    "--at", required=True, help="The device's address: tcp://10.20.0.12:4001, serial:///dev/serial/by-id/NAME?baud=9600"
)
@click.option("--set", "pairs", multiple=True, help="One setting: --set outputs=8")
@_DRIVERS
def drivers_talk(name: str, at: str, pairs: tuple[str, ...], folder: Path) -> None:
    """Talk to one device at the keyboard and see every byte. Type `help` when connected."""
    from devices.sdk.document import DocumentError  # noqa: PLC0415
    from devices.sdk.errors import BadSetting  # noqa: PLC0415
    from smartroom.commands.drivers import family_named  # noqa: PLC0415
    from smartroom.commands.talk import talk, typed  # noqa: PLC0415

    try:
        asyncio.run(talk(family_named(name, folder), at, _settings(pairs), typed(), click.echo))
    except (BadSetting, DocumentError) as error:
        _fail(str(error), EXIT_PARTIAL)
    except KeyboardInterrupt:
        sys.exit(130)


_ROLES = click.Choice(["host", "operator", "technician", "admin", "auditor", "display", "signer", "guest"])
_ROOMS = click.option(
    "--room", "rooms", multiple=True, default=("*",), show_default=True, help="Repeat for several; * = every room."
)


@main.group()
def user() -> None:
    """Accounts of people."""


@user.command("add")
@click.argument("name")
@click.option("--role", type=_ROLES, required=True)
@_ROOMS
@click.password_option(help="Asked for when it is not given.")
@_DATA
def user_add(name: str, role: str, rooms: tuple[str, ...], password: str, data: Path) -> None:
    """Add an account."""
    from smartroom.commands.people import add_user  # noqa: PLC0415

    click.echo(_local(add_user(data, name, role, rooms, password)))


@user.command("list")
@_DATA
def user_list(data: Path) -> None:
    """Accounts, roles and rooms."""
    from smartroom.commands.output import table  # noqa: PLC0415
    from smartroom.commands.people import list_users  # noqa: PLC0415

    click.echo("\n".join(table(_local(list_users(data)))))


@main.group()
def token() -> None:
    """Tokens of programs."""


@token.command("create")
@click.argument("name")
@click.option("--role", type=_ROLES, required=True)
@click.option("--days", type=float, help="It ends after so many days; default: never.")
@_ROOMS
@_DATA
def token_create(name: str, role: str, days: float | None, rooms: tuple[str, ...], data: Path) -> None:
    """Print a new token; it is shown this once."""
    from smartroom.commands.people import create_token  # noqa: PLC0415

    click.echo(_local(create_token(data, name, role, rooms, days)))


@main.command()
@click.argument("name")
@click.option("--role", type=_ROLES, default="host", show_default=True, help="What the screen may do.")
@click.option("--wall", default=None, help="Make it the screen of this wall of room.yaml; needs --room.")
@_ROOMS
@_URL
@_DATA
def pair(name: str, role: str, wall: str | None, rooms: tuple[str, ...], url: str | None, data: Path) -> None:
    """A one-use link (10 minutes) that makes a tablet or wall browser a screen of the room."""
    import segno  # noqa: PLC0415

    from smartroom.commands.people import pairing_link  # noqa: PLC0415

    link = _local(pairing_link(data, name, role, rooms, url, wall))
    segno.make(link, error="m").terminal(sys.stdout, compact=True)
    click.echo(link)


def _local(work: Coroutine[object, object, _T]) -> _T:
    from pydantic import ValidationError  # noqa: PLC0415

    from smartroom.commands.door import NoServer  # noqa: PLC0415
    from smartroom.commands.output import problem_line  # noqa: PLC0415
    from smartroom.control.app import CannotStart  # noqa: PLC0415
    from smartroom.control.errors import ProblemError  # noqa: PLC0415

    try:
        return asyncio.run(work)
    except ProblemError as error:
        _fail(problem_line(error.problem), EXIT_PARTIAL)
    except ValidationError as error:
        first = error.errors()[0]
        _fail(f"{'.'.join(map(str, first['loc']))}: {first['msg']}", EXIT_USAGE)
    except NoServer as error:
        _fail(str(error), EXIT_NO_SERVER)
    except CannotStart as error:
        _fail(str(error), EXIT_PARTIAL)


def _ask(url: str | None, token: str | None, data: Path, call: Callable[[Client], Coroutine[object, object, _T]]) -> _T:
    from smartroom.client import Client  # noqa: PLC0415
    from smartroom.commands.door import find_door  # noqa: PLC0415

    async def ask() -> _T:
        door = find_door(url, token, data)
        async with Client(door.url, door.token, ca=door.ca) as client:
            return await call(client)

    return _answered(ask())


def _room_now(url: str | None, token: str | None, data: Path, room: str) -> RoomState | None:
    """How the real room stands; None where no server is named and none runs here."""
    from smartroom.commands.door import NoServer, find_door  # noqa: PLC0415

    try:
        find_door(url, token, data)
    except NoServer:
        return None
    return _ask(url, token, data, lambda client: client.room(room).state())


def _answered(work: Coroutine[object, object, _T]) -> _T:
    from smartroom.client import ClientError, Refused, ServerGone  # noqa: PLC0415
    from smartroom.commands.door import NoServer  # noqa: PLC0415
    from smartroom.commands.output import problem_line  # noqa: PLC0415

    try:
        return asyncio.run(work)
    except KeyboardInterrupt:
        sys.exit(130)
    except NoServer as error:
        _fail(str(error), EXIT_NO_SERVER)
    except ServerGone as error:
        _fail(f"{error}. Fix: start the server, or correct --url", EXIT_NO_SERVER)
    except Refused as error:
        _fail(problem_line(error.problem), EXIT_PARTIAL)
    except ClientError as error:
        _fail(str(error), EXIT_PARTIAL)


def _override(rules: tuple[str, ...], reason: str | None) -> Override | None:
    from pydantic import ValidationError  # noqa: PLC0415

    from smartroom.protocol.errors import Rule  # noqa: PLC0415
    from smartroom.protocol.scenes import Override  # noqa: PLC0415

    if not rules:
        return None
    unknown = [rule for rule in rules if rule not in set(Rule)]
    if unknown:
        _fail(f"there is no rule '{unknown[0]}'. Fix: one of {', '.join(Rule)}", EXIT_USAGE)
    try:
        return Override(rules=[Rule(rule) for rule in rules], reason=reason or "")
    except ValidationError:
        _fail("an override needs a reason of 3 to 200 letters. Fix: --reason 'why'", EXIT_USAGE)


def _settings(pairs: tuple[str, ...]) -> dict[str, object]:
    """Settings typed as NAME=VALUE."""
    from devices.sdk.document import parse_document  # noqa: PLC0415

    settings: dict[str, object] = {}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        if not equals:
            _fail(f"--set {pair}: write NAME=VALUE", EXIT_USAGE)
        settings[key] = parse_document(text).value
    return settings


def _quick_start() -> None:
    """A start makes no garbage worth looking for; the server switches collections on again when it answers."""
    import gc  # noqa: PLC0415

    gc.disable()


def _run_server(server: Coroutine[object, object, None]) -> None:
    from smartroom.control.app import CannotStart  # noqa: PLC0415

    try:
        asyncio.run(server)
    except CannotStart as error:
        _fail(str(error), EXIT_PARTIAL)
    except KeyboardInterrupt:
        sys.exit(130)


def _fail(message: str, code: int) -> NoReturn:
    click.echo(f"error: {message}", err=True)
    sys.exit(code)
