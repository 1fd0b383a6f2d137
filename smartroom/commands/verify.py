"""`smartroom verify FILE.pdf`: the three lines, judged offline in a confined process."""

from __future__ import annotations

from pathlib import Path

from smartroom.protocol.verdict import JudgeDocument, Light, Verdict
from smartroom.signing.spawn import judge

_SIGNS = {Light.GREEN: "[ok]", Light.AMBER: "[!]", Light.RED: "[X]"}


TRUST = "trust"
"""Folder under the data folder with `roots`, `test-roots` and `intermediates`, each of PEM files."""


async def verify_file(
    file: Path, data: Path, roots: tuple[Path, ...], test_roots: tuple[Path, ...], intermediates: tuple[Path, ...]
) -> Verdict:
    """The verdict by the given certificates and those of the data folder; OSError when a file cannot be read."""
    trust = data / TRUST
    wish = JudgeDocument(
        roots=certificates((trust / "roots", *roots)),
        test_roots=certificates((trust / "test-roots", *test_roots)),
        intermediates=certificates((trust / "intermediates", *intermediates)),
    )
    return await judge(file.read_bytes(), wish)  # noqa: ASYNC240  # a command has nothing else to do meanwhile


def certificates(files: tuple[Path, ...]) -> list[str]:
    """Every PEM certificate in the files; of a folder, in its *.pem files."""
    found: list[str] = []
    for file in files:
        for each in [file] if file.is_file() else sorted(file.glob("*.pem")):
            parts = each.read_text().split("-----BEGIN CERTIFICATE-----")[1:]
            found.extend("-----BEGIN CERTIFICATE-----" + part for part in parts)
    return found


def verdict_lines(verdict: Verdict) -> list[str]:
    """For a terminal: Indonesian, then English."""
    lines = []
    for title, line in (
        ("ISI UTUH", verdict.intact),
        ("PENANDA TANGAN DIKENAL", verdict.known),
        ("WAKTU TERJAMIN", verdict.time),
    ):
        lines += [f"{_SIGNS[line.light]:<5}{title}: {line.text.id}", f"     {line.text.en} ({line.finding})"]
    for seen in verdict.signatures:
        at = seen.stamped_at or seen.claimed_at
        when = f"{at:%Y-%m-%d %H:%M:%S %Z}" if at else "-"
        how = "" if seen.stamped_at else " (own clock)"
        lines.append(f"     {seen.signer} / {seen.issuer} · {seen.level.upper()} · {when}{how}")
    if verdict.rehearsal:
        lines.append("     GLADI: dokumen latihan, tidak berlaku / rehearsal, not valid")
    lines.append(f"     SHA-256 {verdict.sha256} · {verdict.size} B · {verdict.pages} pages")
    return lines
