"""A chain that was tampered with is found, always, and the first wrong record is named."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartroom.control.chain import EMPTY, Anchor, Breakage, ClockJump, Head, Record, examine
from smartroom.control.chain.record import CLOSE, FORMAT, OPEN, REMOVAL, gap, read, write
from smartroom.control.chain.removal import runs, strip

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(), children, max_size=4),
    max_leaves=8,
)
BODIES = st.lists(st.dictionaries(st.text(), JSON, max_size=4), min_size=1, max_size=12)


def chain(
    bodies: Sequence[dict[str, object]], *, lag: int = 1, closed: bool = False, kinds: Mapping[int, str] | None = None
) -> list[bytes]:
    """Lines of a chain whose records were acknowledged `lag` records later; `kinds` of numbers that are no entries."""
    every_kind = [OPEN, *["entry"] * len(bodies), *([CLOSE] if closed else [])]
    every_kind = [(kinds or {}).get(number, kind) for number, kind in enumerate(every_kind, 1)]
    head, lines = EMPTY, []
    every: list[Mapping[str, object]] = [{"format": FORMAT, "chain": "t"}, *bodies, {}]
    for kind, body in zip(every_kind, every, strict=False):
        number = head.sequence + 1
        record, line = write(head, kind, body, 1000.0 + number, number, max(0, number - lag))
        head = record.head
        lines.append(line)
    return lines


def heads(lines: Sequence[bytes]) -> list[Head]:
    """Heads after each line."""
    return [read(line).head for line in lines]


@given(bodies=BODIES, closed=st.booleans())
def test_what_was_written_is_read_back(bodies: list[dict[str, object]], closed: bool) -> None:
    """Every record comes back as it was given, and a whole chain has no break."""
    lines = chain(bodies, closed=closed)
    found = examine(b"".join(lines))
    assert found.broken is None
    assert [dict(record.body) for record in found.records[1 : len(bodies) + 1]] == bodies
    assert found.closed is closed
    assert b"".join(record.line for record in found.records) == b"".join(lines)


@given(bodies=BODIES, data=st.data())
def test_any_flipped_byte_is_found(bodies: list[dict[str, object]], data: st.DataObject) -> None:
    """Whatever byte of whatever record is changed, the records before it hold and that one does not."""
    lines = chain(bodies)
    number = data.draw(st.integers(0, len(lines) - 1))
    place = data.draw(st.integers(0, len(lines[number]) - 1))
    changed = bytearray(lines[number])
    changed[place] ^= 1 << data.draw(st.integers(0, 7))
    found = examine(
        b"".join([*lines[:number], bytes(changed), *lines[number + 1 :]]), [Anchor(heads(lines)[-1], "signed")]
    )
    assert found.broken is not None
    assert found.damaged
    assert found.broken.sequence == number + 1
    assert [record.sequence for record in found.records] == list(range(1, number + 1))


@given(bodies=BODIES, data=st.data())
def test_a_flip_is_found_where_records_were_taken_out(bodies: list[dict[str, object]], data: st.DataObject) -> None:
    """What was taken out leaves a line that cannot be changed, moved or made longer either; a line more that nobody explains is found."""
    numbers = data.draw(st.sets(st.integers(2, len(bodies) + 1), min_size=1))
    lines = chain([*bodies, {"records": [list(run) for run in runs(numbers)]}, {}], kinds={len(bodies) + 2: REMOVAL})
    whole = b"".join(lines)
    found = examine(strip(whole, examine(whole).records, numbers), [Anchor(heads(lines)[-1], "signed")])
    assert (found.broken, found.removed, found.head) == (None, len(numbers), heads(lines)[-1])
    less = bytearray(strip(whole, examine(whole).records, numbers))
    less[data.draw(st.integers(0, len(less) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    assert examine(bytes(less), [Anchor(heads(lines)[-1], "signed")]).broken is not None
    unsaid = data.draw(st.sampled_from([n for n in range(2, len(bodies) + 2) if n not in numbers] or [0]))
    if unsaid:
        forged = [*lines[: unsaid - 1], gap(unsaid, read(lines[unsaid - 1])), *lines[unsaid:]]
        assert examine(b"".join(forged)).damaged


@given(bodies=BODIES, data=st.data())
def test_a_removed_record_is_missed(bodies: list[dict[str, object]], data: st.DataObject) -> None:
    """A record taken out of the middle is named as missing; the first one taken out makes it no chain."""
    lines = chain(bodies, closed=True)
    number = data.draw(st.integers(0, len(lines) - 2))
    broken = examine(b"".join([*lines[:number], *lines[number + 1 :]])).broken
    assert broken is not None
    assert broken.damage
    assert (broken.what, broken.sequence) == (Breakage.MISSING if number else Breakage.FOREIGN, number + 1)


@given(bodies=BODIES, data=st.data())
def test_records_that_changed_places_are_named(bodies: list[dict[str, object]], data: st.DataObject) -> None:
    """Two records in each other's place: the first of the two is named as moved."""
    lines = chain(bodies, closed=True)
    one = data.draw(st.integers(1, len(lines) - 2))
    other = data.draw(st.integers(one + 1, len(lines) - 1))
    lines[one], lines[other] = lines[other], lines[one]
    broken = examine(b"".join(lines)).broken
    assert broken is not None
    assert (broken.what, broken.sequence) == (Breakage.MOVED, one + 1)


@given(bodies=BODIES, data=st.data())
def test_a_record_that_stands_twice_is_named(bodies: list[dict[str, object]], data: st.DataObject) -> None:
    """A copy of an earlier record is no record."""
    lines = chain(bodies, closed=True)
    one = data.draw(st.integers(0, len(lines) - 1))
    place = data.draw(st.integers(one + 1, len(lines)))
    broken = examine(b"".join([*lines[:place], lines[one], *lines[place:]])).broken
    assert broken is not None
    assert (broken.what, broken.sequence) == (Breakage.MOVED, place + 1)


@given(bodies=BODIES, data=st.data())
def test_a_cut_end_shows_against_a_head(bodies: list[dict[str, object]], data: st.DataObject) -> None:
    """Cut at any byte: with a head known from elsewhere it is damage; without one, a finished chain lacks its end."""
    lines = chain(bodies, closed=True)
    whole = b"".join(lines)
    size = data.draw(st.integers(0, len(whole) - 1))
    found = examine(whole[:size], [Anchor(heads(lines)[-1], "the Berita Acara")])
    assert found.damaged
    assert found.broken is not None
    assert found.broken.sequence == found.head.sequence + 1
    assert not examine(whole[:size]).closed


@given(bodies=BODIES, data=st.data())
def test_a_chain_computed_anew_differs_from_its_signed_heads(
    bodies: list[dict[str, object]], data: st.DataObject
) -> None:
    """Somebody who changes a record and computes all hashes after it is found by any head after it, and the last good head is told."""
    lines = chain(bodies)
    signed = heads(lines)
    number = data.draw(st.integers(0, len(bodies) - 1))
    forged = chain([*bodies[:number], {**bodies[number], "forged": 1.5}, *bodies[number + 1 :]])
    assert examine(b"".join(forged)).broken is None
    found = examine(b"".join(forged), [Anchor(signed[-1], "a later head"), Anchor(signed[number], "an earlier head")])
    assert found.broken is not None
    assert (found.broken.what, found.broken.sequence) == (Breakage.REWRITTEN, number + 2)


@pytest.mark.parametrize("junk", [b"\0" * 700, b"garbage", b'{"n":1}\n', b"\n\n"])
def test_an_end_nobody_was_told_of_is_no_damage(junk: bytes) -> None:
    """After a loss of power something unfinished may stand at the end; what was acknowledged is whole."""
    lines = chain([{"a": 1}, {"a": 2}], lag=2)
    found = examine(b"".join(lines) + junk)
    assert found.broken is not None
    assert (found.broken.what, found.damaged, found.head.sequence) == (Breakage.TORN, False, 3)


def test_a_later_record_that_survived_alone_is_cut_too() -> None:
    """Sectors reach the disk in any order: the later of two unacknowledged records proves nothing about the earlier."""
    lines = chain([{"a": 1}, {"a": 2}, {"a": 3}], lag=3)
    found = examine(b"".join([lines[0], bytes(len(lines[1])), *lines[2:]]))
    assert found.broken is not None
    assert (found.broken.what, found.head.sequence) == (Breakage.TORN, 1)


def test_a_later_record_says_that_an_earlier_one_was_saved() -> None:
    """The same hole, but the last record was written when the lost one had been acknowledged: that is damage, not a torn end."""
    lines = chain([{"a": 1}, {"a": 2}, {"a": 3}], lag=2)
    broken = examine(b"".join([lines[0], bytes(len(lines[1])), *lines[2:]])).broken
    assert broken is not None
    assert (broken.what, broken.sequence) == (Breakage.UNREADABLE, 2)


@pytest.mark.parametrize("data", [b"%PDF-1.7\n", b"\0" * 4096, b"x" * 3_000_000, b'{"n": 1}\n'])
def test_something_else_is_no_chain(data: bytes) -> None:
    """A file of another kind is refused, not mended."""
    broken = examine(data).broken
    assert broken is not None
    assert (broken.what, broken.damage) == (Breakage.FOREIGN, True)


def test_a_clock_that_was_set_is_told() -> None:
    """Two days back between two records: told with the record, and no break, since the number gives the order."""
    first, one = write(EMPTY, OPEN, {"format": FORMAT}, 1_000_000.0, 50.0, 0)
    second, two = write(first.head, "entry", {}, 1_000_000.0 - 172_800 + 3, 53.0, 1)
    _, three = write(second.head, "entry", {}, 1_000_000.0 - 172_800 + 4, 54.0, 2)
    found = examine(one + two + three)
    assert found.broken is None
    assert found.jumps == [ClockJump(2, -172_800.0)]


def test_a_shell_can_check_it(tmp_path: Path) -> None:
    """Thirty years from now sha256sum and a loop are enough."""
    path = tmp_path / "chain"
    lines = chain([{"name": "Åsa ≠ 'x'"}, {"a": [1, 2.5, None]}])
    path.write_bytes(b"".join(lines))
    script = r"""
before=$(printf '0%.0s' $(seq 64))
while IFS= read -r line; do
  hash=${line%% *}; text=${line#* }
  [ "$(printf '%s %s' "$before" "$text" | sha256sum | cut -d' ' -f1)" = "$hash" ] || { echo broken; exit 1; }
  before=$hash
done < "$1"
echo "$before"
"""
    told = subprocess.run(["bash", "-c", script, "check", str(path)], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == heads(lines)[-1].digest
    assert heads(lines)[0].digest == hashlib.sha256(b"0" * 64 + b" " + lines[0][65:-1]).hexdigest()


def test_a_record_too_long_is_refused_by_its_writer() -> None:
    """A record that could not be read again is not written."""
    with pytest.raises(ValueError, match="at most"):
        write(EMPTY, "entry", {"text": "x" * (1 << 20)}, 0.0, 0.0, 0)
    with pytest.raises(ValueError, match="JSON"):
        write(EMPTY, "entry", {"number": float("nan")}, 0.0, 0.0, 0)


@given(junk=st.binary(max_size=400))
def test_no_bytes_break_the_reader(junk: bytes) -> None:
    """Whatever stands in a file is judged, never an exception."""
    lines = chain([{"a": 1}])
    assert not any(isinstance(record, bytes) for record in examine(junk).records)
    found = examine(b"".join(lines) + junk + b"\n" + lines[0])
    assert all(isinstance(record, Record) for record in found.records)
