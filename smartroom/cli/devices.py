"""`smartroom simulate | drivers`."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from pathlib import Path

import click

from smartroom.cli.common import EXIT_PARTIAL, fail, settings_of

_DRIVERS = click.option(
    "--drivers",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("drivers"),
    show_default=True,
    help="Folder with families of your own: SITE/drivers.",
)


@click.command()
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
    settings |= settings_of(pairs)
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
        fail(str(error), EXIT_PARTIAL)
    except OSError as error:
        fail(
            f"cannot listen on port {port}: {error.strerror}. Fix: choose another with --port, or --port 0",
            EXIT_PARTIAL,
        )
    except KeyboardInterrupt:
        sys.exit(130)


@click.group()
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
        fail(str(error), EXIT_PARTIAL)
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
        fail(str(error), EXIT_PARTIAL)
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
        asyncio.run(talk(family_named(name, folder), at, settings_of(pairs), typed(), click.echo))
    except (BadSetting, DocumentError) as error:
        fail(str(error), EXIT_PARTIAL)
    except KeyboardInterrupt:
        sys.exit(130)
