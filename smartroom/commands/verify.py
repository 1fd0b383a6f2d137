"""`smartroom verify FILE.pdf`: the three lines, judged offline in a confined process."""

from __future__ import annotations

from pathlib import Path

from smartroom.control.ceremony.confined import judge
from smartroom.control.ceremony.trust import judgement
from smartroom.protocol.verdict import Light, Verdict

_SIGNS = {Light.GREEN: "[ok]", Light.AMBER: "[!]", Light.RED: "[X]"}


async def verify_file(
    file: Path, data: Path, roots: tuple[Path, ...], test_roots: tuple[Path, ...], intermediates: tuple[Path, ...]
) -> Verdict:
    """The verdict by the given certificates and those of the data folder; OSError when a file cannot be read."""
    wish = judgement(data, roots, test_roots, intermediates)
    return await judge(file.read_bytes(), wish)  # noqa: ASYNC240  # a command has nothing else to do meanwhile


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
