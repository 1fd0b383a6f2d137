"""Who sends people to meetings: the site's agencies.yaml, in protocol order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from devices.sdk.document import Document, read_document
from smartroom.protocol.base import Label, Text
from smartroom.protocol.conference import Agency, Group

FILE = "agencies.yaml"
UNRANKED = 100_000
"""Guests stand behind everybody who has a rank."""

_Key = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]


def _text(value: object) -> object:
    return {"id": value, "en": value} if isinstance(value, str) else value


class _Line(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: Label
    short: Label = ""
    group: _Key = "opd"
    rank: int | None = None


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    groups: Annotated[dict[_Key, Annotated[Text, BeforeValidator(_text)]], Field(max_length=40)] = {}
    agencies: Annotated[dict[_Key, _Line], Field(max_length=500)] = {}


class Roster:
    """All agencies, in order of rank."""

    def __init__(self, agencies: Iterable[Agency] = (), groups: Iterable[Group] = ()) -> None:
        self.agencies = tuple(sorted(agencies, key=lambda agency: agency.rank))
        self.groups = tuple(groups)
        self._by_id: Mapping[str, Agency] = {agency.id: agency for agency in self.agencies}

    def find(self, agency: str | None) -> Agency | None:
        """One by its id."""
        return None if agency is None else self._by_id.get(agency)

    def words(self, key: str) -> Text:
        """An agency's short name, or the word itself."""
        found = self.find(key)
        return Text.of(key if found is None else found.short)

    def rank(self, agency: str | None) -> int:
        """Place in the order; guests come last."""
        found = self.find(agency)
        return UNRANKED if found is None else found.rank

    def those(self, ids: Iterable[str]) -> tuple[Agency, ...]:
        """The named ones in order; all when none is named."""
        wanted = frozenset(ids)
        return tuple(agency for agency in self.agencies if agency.id in wanted) if wanted else self.agencies


def load_roster(site: Path) -> Roster:
    """Read the site's list; without the file nobody is listed. DocumentError names file, line and fix."""
    path = site / FILE
    if not path.exists():
        return Roster()
    document = read_document(path)
    try:
        written = _File.model_validate(document.value)
    except ValidationError as error:
        raise _wrong(document, error) from None
    for key, line in written.agencies.items():
        if line.group not in written.groups:
            known = ", ".join(written.groups) or "none"
            raise document.error(
                ("agencies", key), f"no group '{line.group}'", value=line.group, fix=f"groups: {known}"
            )
    agencies = [
        Agency(
            id=key,
            name=line.name,
            short=line.short or line.name,
            rank=number * 10 if line.rank is None else line.rank,
            group=line.group,
        )
        for number, (key, line) in enumerate(written.agencies.items(), 1)
    ]
    return Roster(agencies, [Group(id=key, name=name) for key, name in written.groups.items()])


def _wrong(document: Document, error: ValidationError) -> Exception:
    first = error.errors()[0]
    path = tuple(part for part in first["loc"] if part != "[key]")
    fix = "diskominfo: {name: Dinas Komunikasi dan Informatika, short: Diskominfo, group: opd}"
    return document.error(path, first["msg"], value=str(first["input"])[:60], fix=fix)
