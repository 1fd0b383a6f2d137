"""The schemas editors use are those of the code."""

from pathlib import Path

import pytest

from smartroom.commands.schema import schemas, text

FOLDER = Path(__file__).resolve().parents[2] / "scenes/schema"


@pytest.mark.parametrize("name", sorted(schemas()))
def test_a_schema_is_fresh(name: str) -> None:
    """scenes/schema/ is what the models say; otherwise run `python -m smartroom.commands.schema scenes/schema`."""
    assert (FOLDER / name).read_text() == text(schemas()[name])
