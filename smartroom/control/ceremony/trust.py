"""Which authorities this house trusts: PEM files under `trust/` of the data folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from smartroom.control.ceremony import confined
from smartroom.protocol.document import DrawDocument, Drawn, NotDrawn
from smartroom.protocol.verdict import JudgeDocument, Verdict

TRUST = "trust"
"""Folder under the data folder with `roots`, `test-roots` and `intermediates`, each of PEM files."""


def judgement(
    data: Path,
    roots: Sequence[Path] = (),
    test_roots: Sequence[Path] = (),
    intermediates: Sequence[Path] = (),
) -> JudgeDocument:
    """The wish to judge by the house's certificates and those given; OSError when a file cannot be read."""
    trust = data / TRUST
    return JudgeDocument(
        roots=certificates((trust / "roots", *roots)),
        test_roots=certificates((trust / "test-roots", *test_roots)),
        intermediates=certificates((trust / "intermediates", *intermediates)),
    )


def certificates(files: Sequence[Path]) -> list[str]:
    """Every PEM certificate in the files; of a folder, in its *.pem files."""
    found: list[str] = []
    for file in files:
        for each in [file] if file.is_file() else sorted(file.glob("*.pem")):
            parts = each.read_text().split("-----BEGIN CERTIFICATE-----")[1:]
            found.extend("-----BEGIN CERTIFICATE-----" + part for part in parts)
    return found


class HouseConfined:
    """`Confined` by the trust of a data folder, read anew for each verdict: a root that is put there counts at once."""

    def __init__(self, data: Path) -> None:
        self._data = data

    async def draw(self, wish: DrawDocument) -> tuple[Drawn | NotDrawn, bytes]:
        """The PDF, or why there is none."""
        return await confined.draw(wish)

    async def judge(self, pdf: bytes) -> Verdict:
        """The verdict."""
        return await confined.judge(pdf, judgement(self._data))
