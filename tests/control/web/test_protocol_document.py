"""docs/protocol.md says what the code does: every route, every event, every status."""

from __future__ import annotations

import re
from pathlib import Path

from smartroom.control.web.api import house, people, rooms, technician
from smartroom.control.web.problems import STATUS
from smartroom.control.web.room import PRESSES
from smartroom.protocol.errors import ErrorCode

DOCUMENT = (Path(__file__).parents[3] / "docs" / "protocol.md").read_text()


def test_every_route_is_told() -> None:
    """The table of the document is the table of the code: method, path, action, summary."""
    told = re.findall(r"^\| ([A-Z]+) \| `(/api/[^`]+)` \| `([^`]+)` \| .* \| .* \| (.*) \|$", DOCUMENT, re.MULTILINE)
    lines = [
        line for table in (rooms.TABLE, people.TABLE, technician.TABLE, house.TABLE) for line in table if not line.page
    ]
    assert told == [(line.method, line.path, str(line.action), line.summary) for line in lines]


def test_every_event_is_told() -> None:
    """Each press stands with the name of its message."""
    told = dict(re.findall(r"^\| `([a-z]+)` \| `([A-Za-z]+)` \| `Answer`", DOCUMENT, re.MULTILINE))
    assert told == {event: model.__name__ for event, model in PRESSES.items()}


def test_every_code_has_a_status_and_is_told() -> None:
    """No error code without an HTTP status, none missing in the document."""
    assert set(STATUS) == set(ErrorCode)
    assert [code for code in ErrorCode if f"`{code}`" not in DOCUMENT] == []
