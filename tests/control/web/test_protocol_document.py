"""docs/protocol.md says what the code does: every route, every event, every status."""

from __future__ import annotations

import re
from pathlib import Path

from smartroom.control.conference.roles import ACTS
from smartroom.control.web.api import (
    ceremonies,
    house,
    meetings,
    people,
    pictures,
    public,
    rehearsal,
    rooms,
    technician,
    walls,
)
from smartroom.control.web.ceremony import PRESSES as ON_STAGE
from smartroom.control.web.meeting import WORDS
from smartroom.control.web.problems import STATUS
from smartroom.control.web.room import PRESSES
from smartroom.protocol.errors import ErrorCode

MEETINGS = (Path(__file__).parents[3] / "docs" / "meetings.md").read_text()
CEREMONY = (Path(__file__).parents[3] / "docs" / "ceremony.md").read_text()
DOCUMENT = (Path(__file__).parents[3] / "docs" / "protocol.md").read_text()


def test_every_route_is_told() -> None:
    """The table of the document is the table of the code: method, path, action, summary."""
    told = re.findall(r"^\| ([A-Z]+) \| `(/api/[^`]+)` \| `([^`]+)` \| .* \| .* \| (.*) \|$", DOCUMENT, re.MULTILINE)
    apis = (rooms, rehearsal, people, meetings, ceremonies, public, technician, house, walls, pictures)
    tables = [api.TABLE for api in apis]
    lines = [line for table in tables for line in table if not line.page]
    assert told == [(line.method, line.path, str(line.action), line.summary) for line in lines]


def test_every_event_is_told() -> None:
    """Each press stands with the name of its message."""
    told = dict(re.findall(r"^\| `([a-z]+)` \| `([A-Za-z]+)` \| `Answer`", DOCUMENT, re.MULTILINE))
    assert told == {event: model.__name__ for event, model in PRESSES.items()}


def test_every_word_of_a_meeting_is_told() -> None:
    """docs/meetings.md names each event of /meeting with its message."""
    told = dict(re.findall(r"^\| `([a-z.-]+)` \| `([A-Za-z]+)` \|", MEETINGS, re.MULTILINE))
    assert told == {event: model.__name__ for event, model in WORDS.items()} | {
        event: model.__name__ for event, (model, _) in ACTS.items()
    }


def test_every_word_of_a_ceremony_is_told() -> None:
    """docs/ceremony.md names each event of /ceremony with its message."""
    told = dict(
        re.findall(
            r"^\| `([a-z-]+)` \| `([A-Za-z]+)` \| `(?:PadWelcome|InkTaken|CeremonyAnswer)`", CEREMONY, re.MULTILINE
        )
    )
    others = {"pad": "JoinPad", "ink": "InkBatch", "painted": "InkPainted"}
    assert told == others | {event: model.__name__ for event, (model, _) in ON_STAGE.items()}


def test_every_code_has_a_status_and_is_told() -> None:
    """No error code without an HTTP status, none missing in the document."""
    assert set(STATUS) == set(ErrorCode)
    assert [code for code in ErrorCode if f"`{code}`" not in DOCUMENT] == []
