"""`smartroom check | plan | apply | history | record | rehearse`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from smartroom.cli.common import DATA, EXIT_PARTIAL, EXIT_USAGE, JSON, TOKEN, URL, ask, fail, room_now

if TYPE_CHECKING:
    from smartroom.protocol.scenes import Override


@click.command()
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


@click.command()
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
@JSON
@URL
@TOKEN
@DATA
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
            fail(str(error.args[0] if isinstance(error, KeyError) else error), EXIT_PARTIAL)
    else:
        found = ask(url, token, data, lambda client: client.room(room).plan(scene))
    click.echo(found.model_dump_json(indent=1) if as_json else "\n".join(plan_lines(found)))
    if out is not None:
        from smartroom.commands.plans import BadPlan, write_plan  # noqa: PLC0415

        try:
            write_plan(found, out)
        except BadPlan as error:
            fail(str(error), EXIT_PARTIAL)
        click.echo(f"kept in {out}", err=as_json)


@click.command()
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
@JSON
@URL
@TOKEN
@DATA
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
        fail(str(error), EXIT_PARTIAL)
    room, scene = room or (given.room if given else None), scene or (given.scene if given else None)
    if room is None or scene is None:
        raise click.UsageError("name ROOM and SCENE, or a plan with --plan FILE")
    override = _override(rules, reason)
    report = ask(url, token, data, lambda client: client.room(room).apply(scene, plan=given, override=override))
    click.echo(report.model_dump_json(indent=1) if as_json else "\n".join(report_lines(report)))
    if report.run.result != "achieved":
        sys.exit(EXIT_PARTIAL)


@click.command()
@click.argument("room")
@click.option("--kind", default="", help="run, hand, change, link, system; several with commas.")
@click.option("--device", default="", help="Only what touched this device.")
@click.option("--scene", default="", help="Only runs of this scene.")
@click.option("--by", default="", help="A part of the person's or program's name.")
@click.option("--limit", type=click.IntRange(1, 200), default=20, show_default=True)
@click.option("--before", default="", help="Go on where an earlier answer ended.")
@click.option("--bytes", "show_bytes", is_flag=True, help="What went over the wires.")
@JSON
@URL
@TOKEN
@DATA
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
    found = ask(url, token, data, lambda client: client.room(room).history(query))
    if as_json:
        click.echo(found.model_dump_json(indent=1))
        return
    click.echo("\n".join(history_lines(found.entries, show_bytes=show_bytes)) if found.entries else "nothing happened")
    if found.older:
        click.echo(f"older: --before {found.older}")


@click.command()
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
@URL
@TOKEN
@DATA
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

    found = ask(url, token, data, lambda client: client.room(room).recording(extends))
    try:
        lines = choose(found, drop, add)
    except BadChoice as error:
        fail(str(error), EXIT_PARTIAL)
    click.echo("\n".join(recording_lines(found, [f"{line.device}.{line.property}" for line in lines])))
    if not lines:
        fail("nothing to record: the room is as the extended scene wants it", EXIT_PARTIAL)
    if not yes and not click.confirm(f"Write {scene}.yaml with {len(lines)} lines?"):
        click.echo("nothing was written")
        return
    name = Text(id=name_id or scene.replace("-", " ").capitalize(), en=name_en or "")
    ask(url, token, data, lambda client: client.room(room).record(scene, name, found, lines))
    click.echo(f"wrote {scene}.yaml; its tile appears within a second")


@click.command()
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
@JSON
@URL
@TOKEN
@DATA
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

    state = None if fresh else room_now(url, token, data, room)
    where = site or site_of(data) or Path("scenes")
    report_file = out.open("w") if out else None  # before the process is sealed
    try:
        report, earlier = rehearse_sealed(Wanted(where, room, name, faults, seed, replay), state)
    except BadRehearsal as error:
        fail(str(error), EXIT_PARTIAL)
    text = report.model_dump_json(indent=1)
    if report_file:
        report_file.write(text)
        report_file.close()
    click.echo(text if as_json else "\n".join(rehearsal_lines(report, earlier)))
    if not report.achieved or (earlier is not None and earlier.digest != report.digest):
        sys.exit(EXIT_PARTIAL)


def _override(rules: tuple[str, ...], reason: str | None) -> Override | None:
    from pydantic import ValidationError  # noqa: PLC0415

    from smartroom.protocol.errors import Rule  # noqa: PLC0415
    from smartroom.protocol.scenes import Override  # noqa: PLC0415

    if not rules:
        return None
    unknown = [rule for rule in rules if rule not in set(Rule)]
    if unknown:
        fail(f"there is no rule '{unknown[0]}'. Fix: one of {', '.join(Rule)}", EXIT_USAGE)
    try:
        return Override(rules=[Rule(rule) for rule in rules], reason=reason or "")
    except ValidationError:
        fail("an override needs a reason of 3 to 200 letters. Fix: --reason 'why'", EXIT_USAGE)
