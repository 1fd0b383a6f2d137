"""`smartroom log | journal | verify`: what was written, proved."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import click

from smartroom.cli.common import DATA, EXIT_PARTIAL, JSON, fail

_CERTIFICATES = click.Path(exists=True, path_type=Path)


@click.group("log")
def log_group() -> None:
    """The rooms' event logs, read from the data folder; no server is needed."""


@log_group.command("verify")
@click.argument("rooms", nargs=-1)
@click.option("--head", "heads", multiple=True, help="An end noted earlier, as this command prints it; repeat.")
@DATA
def log_verify(rooms: tuple[str, ...], heads: tuple[str, ...], data: Path) -> None:
    """Prove that nothing in the logs was changed, moved or taken out. Exit 1 when something was."""
    from smartroom.commands.history import NoLog, verdict_line, verify_log  # noqa: PLC0415

    broken = False
    try:
        for room, verdict in verify_log(data, rooms, heads):
            broken = broken or bool(verdict.broken)
            click.echo(verdict_line(room, verdict), err=bool(verdict.broken))
    except NoLog as error:
        fail(str(error), EXIT_PARTIAL)
    if broken:
        sys.exit(EXIT_PARTIAL)


@log_group.command("at")
@click.argument("room")
@click.argument("moment")
@DATA
def log_at(room: str, moment: str, data: Path) -> None:
    """The room as it was at MOMENT (2026-11-27T09:15:30), from the log alone."""
    from smartroom.commands.history import NoLog, state_at, state_lines  # noqa: PLC0415

    try:
        at, chronicle = state_at(data, room, moment)
    except NoLog as error:
        fail(str(error), EXIT_PARTIAL)
    click.echo("\n".join(state_lines(at, chronicle)))


@click.command()
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
@DATA
@JSON
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


@click.group()
def journal() -> None:
    """Journals of ceremonies, and other chains of records."""


@journal.command("verify")
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--key", help="Public half of the key that signs heads, as printed in the Berita Acara.")
@click.option("--head", "known", multiple=True, help="A head known from elsewhere, NUMBER:HASH; repeat.")
@JSON
def journal_verify(paths: tuple[Path, ...], key: str | None, known: tuple[str, ...], *, as_json: bool) -> None:
    """Check journals from the first record to the last: folders of ceremonies, unpacked bundles, or files. Exit 1 when one is broken."""
    from smartroom.commands import journal as work  # noqa: PLC0415

    broken = False
    for path in paths:
        try:
            report = work.verify_journal(path, key, known)
        except (work.NoJournal, OSError) as error:
            fail(str(error), EXIT_PARTIAL)
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
        fail(str(error), EXIT_PARTIAL)
    click.echo(f"{target}: {size} bytes")
