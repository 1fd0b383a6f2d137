"""A chain that is written: nothing is called durable that is not, and one bad disk stops nothing."""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import pytest

from smartroom.control.chain import (
    Anchor,
    Chain,
    ChainBusy,
    ChainDamaged,
    ChainStopped,
    CopyState,
    FileStorage,
    Head,
    Record,
    StorageBusy,
    examine,
)
from smartroom.control.chain.record import REMOVED
from tests.disks import BROKEN, FULL, FaultyDisk, PowerDisk, PowerLost


def beside(path: Path) -> list[Path]:
    """What was kept of a file that was replaced."""
    return list(path.parent.glob(f"{path.name}.*-*"))


def blocks(path: Path) -> int:
    """Bytes a file takes on the disk."""
    return path.stat().st_blocks * 512


async def until(true: Callable[[], bool]) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(10):
        while not true():
            await asyncio.sleep(0.001)


async def test_a_record_is_durable_when_it_is_settled() -> None:
    """`append` returns at once; after `settled` the disk has been synced with it, and `durable` names it."""
    disk = FaultyDisk()
    async with Chain("t", [disk]) as chain:
        record = chain.append("entry", {"a": 1})
        assert chain.durable.sequence == 1
        await chain.settled(record.sequence)
        assert chain.durable == record.head
        assert examine(bytes(disk.data[: disk.synced])).head == record.head


async def test_records_of_one_moment_share_a_commit_within_fifty_milliseconds() -> None:
    """Forty records appended together cost one sync, and it is not waited for longer than promised."""
    disk = FaultyDisk()
    async with Chain("t", [disk]) as chain:
        before = disk.calls.count("sync")
        started = asyncio.get_running_loop().time()
        for number in range(40):
            chain.append("entry", {"a": number})
        await until(lambda: chain.durable == chain.head)
        assert disk.calls.count("sync") == before + 1
        assert asyncio.get_running_loop().time() - started < 0.5  # 50 ms, and a busy machine


async def test_a_decision_waits_for_nobody() -> None:
    """`decide` returns with its record durable, without the pause in which records gather."""
    disk = FaultyDisk()
    async with Chain("t", [disk], gather=30.0) as chain:
        async with asyncio.timeout(5):
            record = await chain.decide("done", {})
        assert chain.durable == record.head


async def test_a_chain_goes_on_where_it_ended(tmp_path: Path) -> None:
    """The next start reads all records, says that it went on, and continues the numbers."""
    path = tmp_path / "journal"
    async with Chain("t", [FileStorage(path)]) as chain:
        await chain.decide("entry", {"a": 1})
    async with Chain("t", [FileStorage(path)]) as chain:
        assert [(record.kind, dict(record.body)) for record in chain.past[1:]] == [("entry", {"a": 1})]
        assert (await chain.decide("entry", {"a": 2})).sequence == 4
    assert [record.kind for record in examine(path.read_bytes()).records] == ["open", "entry", "resume", "entry"]


async def test_a_torn_end_is_cut_and_kept_beside(tmp_path: Path) -> None:
    """What a loss of power left unfinished does not stop the next start; it is kept, and the chain says how much it was."""
    path = tmp_path / "journal"
    async with Chain("t", [FileStorage(path)]) as chain:
        await chain.decide("entry", {"a": 1})
    whole = path.read_bytes()
    path.write_bytes(whole + b'0123 {"n":3')
    async with Chain("t", [FileStorage(path)]) as chain:
        assert chain.head.sequence == 3
    found = examine(path.read_bytes())
    assert found.broken is None
    assert found.records[-1].body == {"cut": 11}
    (aside,) = beside(path)
    assert aside.read_bytes() == whole + b'0123 {"n":3'


async def test_a_damaged_chain_is_not_touched(tmp_path: Path) -> None:
    """A changed record in the middle: the chain does not open, names the record, and the file stays as it is."""
    path = tmp_path / "journal"
    async with Chain("t", [FileStorage(path)]) as chain:
        for number in range(5):
            await chain.decide("entry", {"a": number})
    damaged = path.read_bytes().replace(b'"a":2', b'"a":7')
    path.write_bytes(damaged)
    with pytest.raises(ChainDamaged, match="record 4 was changed"):
        async with Chain("t", [FileStorage(path)]):
            pass
    assert path.read_bytes() == damaged


async def test_a_chain_rolled_back_does_not_open_against_its_head(tmp_path: Path) -> None:
    """An older file in its place is whole in itself; the head somebody signed says otherwise."""
    path = tmp_path / "journal"
    async with Chain("t", [FileStorage(path)]) as chain:
        await chain.decide("entry", {"a": 1})
        old = path.read_bytes()
        signed = (await chain.decide("entry", {"a": 2})).head
    path.write_bytes(old)
    with pytest.raises(ChainDamaged, match="record 3 is known from the seal"):
        async with Chain("t", [FileStorage(path)], anchors=[Anchor(signed, "the seal")]):
            pass


async def test_the_second_copy_mends_the_first(tmp_path: Path) -> None:
    """One file damaged, the other whole: the chain opens with all records, and the damaged file is kept beside."""
    first, second = tmp_path / "a", tmp_path / "b"
    async with Chain("t", [FileStorage(first), FileStorage(second)]) as chain:
        await chain.decide("entry", {"a": 1})
        await chain.decide("entry", {"a": 2})
    first.write_bytes(first.read_bytes().replace(b'"a":1', b'"a":9'))
    async with Chain("t", [FileStorage(first), FileStorage(second)]) as chain:
        assert len(chain.past) == 3
    assert first.read_bytes() == second.read_bytes()
    assert [aside.name.partition("-")[0] for aside in beside(first)] == ["a.damaged"]


async def test_a_lost_copy_is_made_again(tmp_path: Path) -> None:
    """A new stick in the place of the old: it gets everything."""
    first, second = tmp_path / "a", tmp_path / "b"
    async with Chain("t", [FileStorage(first)]) as chain:
        await chain.decide("entry", {"a": 1})
    async with Chain("t", [FileStorage(first), FileStorage(second)]):
        pass
    assert first.read_bytes() == second.read_bytes()


async def test_a_sync_error_stops_one_copy_and_not_the_chain() -> None:
    """The copy that failed is told and never touched again; the other one goes on, and acknowledges only what it has."""
    news: list[CopyState] = []
    bad, good = FaultyDisk("bad"), FaultyDisk("good")
    chain = Chain("t", [bad, good], news=lambda: news.append(chain.health[0].state))
    async with chain:
        bad.fail["sync"] = BROKEN
        await chain.decide("entry", {"a": 1})
        after = len(bad.calls)
        bad.fail.clear()
        record = await chain.decide("entry", {"a": 2})
        assert [health.state for health in chain.health] == [CopyState.FAILED, CopyState.GOOD]
        assert "Input/output error" in chain.health[0].error
        assert len(bad.calls) == after
        assert examine(bytes(good.data[: good.synced])).head == record.head
    assert CopyState.FAILED in news


async def test_no_copy_left_means_stop_and_no_acknowledgement() -> None:
    """An error of the only disk: whoever waits is told, nothing is called durable, nothing more is taken, and no second sync is tried."""
    disk = FaultyDisk()
    async with Chain("t", [disk]) as chain:
        durable = chain.durable
        disk.fail["sync"] = BROKEN
        with pytest.raises(ChainStopped, match="Input/output error"):
            await chain.decide("entry", {"a": 1})
        disk.fail.clear()
        with pytest.raises(ChainStopped):
            chain.append("entry", {"a": 2})
        assert chain.stopped
        assert chain.durable == durable
        assert disk.calls.count("sync") == 1


async def test_a_full_disk_is_waited_for_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """ENOSPC while writing is no damage: the state says full, and when somebody has made room everything is kept."""
    monkeypatch.setattr("smartroom.control.chain.chain.RETRY_S", 0.01)
    disk = FaultyDisk(fail={"append": FULL})
    async with Chain("t", [disk]) as chain:
        record = chain.append("entry", {"a": 1})
        await until(lambda: chain.health[0].state is CopyState.FULL)
        assert chain.durable.sequence == 1
        disk.fail.clear()
        await chain.settled(record.sequence)
        assert chain.health[0].state is CopyState.GOOD
        assert examine(bytes(disk.data)).head == record.head


async def test_a_copy_that_hangs_is_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stick that answers no more holds up a decision for a second, once."""
    monkeypatch.setattr("smartroom.control.chain.chain.LATE_S", 0.05)
    stick, disk = FaultyDisk("stick"), FaultyDisk("disk")
    async with Chain("t", [stick, disk]) as chain:
        stick.hang = threading.Event()
        async with asyncio.timeout(5):
            await chain.decide("entry", {"a": 1})
            await chain.decide("entry", {"a": 2})
        assert [health.state for health in chain.health] == [CopyState.LATE, CopyState.GOOD]
        stick.hang.set()


async def test_a_slow_only_copy_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nobody else has the data, slow is not bad."""
    monkeypatch.setattr("smartroom.control.chain.chain.LATE_S", 0.01)
    disk = FaultyDisk()
    async with Chain("t", [disk]) as chain:
        disk.hang = threading.Event()
        record = chain.append("entry", {"a": 1})
        await asyncio.sleep(0.1)
        assert chain.durable.sequence == 1
        disk.hang.set()
        await chain.settled(record.sequence)
        assert chain.health[0].state is CopyState.GOOD


async def test_what_waits_for_the_disk_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that stands still does not fill the memory: the caller is told to come back."""
    monkeypatch.setattr("smartroom.control.chain.chain.WAITING", 1500)
    disk = FaultyDisk()
    async with Chain("t", [disk]) as chain:
        disk.hang = threading.Event()
        for _ in range(2):
            chain.append("entry", {"text": "x" * 1000})
        with pytest.raises(ChainBusy):
            chain.append("entry", {})
        disk.hang.set()


async def test_a_finished_chain_takes_nothing_more(tmp_path: Path) -> None:
    """`finish` writes the last record; later starts read it and add nothing."""
    path = tmp_path / "journal"
    async with Chain("t", [FileStorage(path)]) as chain:
        await chain.finish({"why": "done"})
        with pytest.raises(ValueError, match="closed"):
            chain.append("entry", {})
    before = path.read_bytes()
    async with Chain("t", [FileStorage(path)]) as chain:
        assert chain.closed
    assert path.read_bytes() == before
    assert examine(before).closed


async def test_two_processes_do_not_write_one_chain(tmp_path: Path) -> None:
    """The second one is refused at the door; a lock ends with its process."""
    path = tmp_path / "journal"
    async with Chain("t", [FileStorage(path)]):
        with pytest.raises(StorageBusy):
            async with Chain("t", [FileStorage(path)]):
                pass
    async with Chain("t", [FileStorage(path)]):
        pass


async def test_reserved_space_is_not_in_the_file(tmp_path: Path) -> None:
    """The reserve is allocated behind the end: the file is as long as its records, and gives the space back when it is closed."""
    path = tmp_path / "journal"
    async with Chain("t", [FileStorage(path, reserve=1 << 20)]) as chain:
        await chain.decide("entry", {"a": 1})
        assert chain.health[0].room is not None
        assert chain.health[0].room > 700_000
        assert blocks(path) >= 1 << 20
        assert examine(path.read_bytes()).broken is None
    assert blocks(path) < 1 << 16


async def test_what_is_taken_out_is_gone_and_the_rest_is_whole(tmp_path: Path) -> None:
    """Both copies lose the content; hashes, heads known from before and what is written afterwards hold; nothing is kept beside."""
    paths = [tmp_path / "a" / "journal", tmp_path / "b" / "journal"]
    async with Chain("t", [FileStorage(path) for path in paths]) as chain:
        written = [await chain.decide("ink", {"secret": f"rahasia-{n}"}) for n in range(6)]
        await chain.remove([record.sequence for record in written if record.sequence not in (4, 5)], {"by": "t"})
        after = await chain.decide("entry", {})
        with pytest.raises(ValueError, match="the first record"):
            await chain.remove([1], {})
    for path in paths:
        data = path.read_bytes()
        assert [n for n in range(6) if f"rahasia-{n}".encode() in data] == [2, 3]
        found = examine(data, [Anchor(record.head, "t") for record in (*written, after)])
        assert (found.broken, found.removed, found.head) == (None, 4, after.head)
        assert beside(path) == []
    async with Chain("t", [FileStorage(path) for path in paths]) as chain:
        assert [record.sequence for record in chain.past] == [1, 3, 4, 5, 7, 8, 9]


async def test_a_copy_that_was_away_forgets_when_it_is_back(tmp_path: Path) -> None:
    """Taken out while the stick was not there: it is gone from the stick with the next start."""
    here, stick = tmp_path / "journal", tmp_path / "stick" / "journal"
    async with Chain("t", [FileStorage(here), FileStorage(stick)]) as chain:
        record = await chain.decide("ink", {"secret": "rahasia"})
    async with Chain("t", [FileStorage(here)]) as chain:
        await chain.remove([record.sequence], {})
    assert b"rahasia" in stick.read_bytes()
    async with Chain("t", [FileStorage(here), FileStorage(stick)]):
        pass
    assert not [path for path in stick.parent.iterdir() if b"rahasia" in path.read_bytes()]


async def power_loss(seed: int) -> int:
    """One life that ends with the power, and the next one; returns how many records were acknowledged."""
    draw = random.Random(seed)
    disk = PowerDisk(draw, fuse=draw.randrange(2, 40))
    acknowledged: list[Head] = []
    gone: set[int] = set()
    for _ in range(draw.choice((1, 1, 1, 2, 3))):  # lives
        try:
            async with Chain("t", [disk], gather=0) as chain:
                assert lost(acknowledged, chain.past) == []
                for _ in range(draw.randrange(1, 30)):
                    for _ in range(draw.randrange(1, 4)):
                        chain.append("entry", {"data": f"n{chain.head.sequence + 1}" + "x" * draw.randrange(1400)})
                    if draw.random() < 0.7:
                        await chain.settled()
                        acknowledged += [head for head in (chain.durable,) if head not in acknowledged[-1:]]
                    if draw.random() < 0.1 and len(acknowledged) > 2:
                        numbers = {draw.choice(acknowledged).sequence for _ in range(4)} - {1}
                        await chain.remove(numbers, {})
                        gone |= numbers
        except (PowerLost, ChainStopped):
            pass
        disk.lose()
        disk = disk.again(draw.randrange(2, 40))
    found = examine(bytes(disk.kept))
    assert not found.damaged, f"seed {seed}: {found.broken}"
    assert lost(acknowledged, found.records) == [], f"seed {seed}: acknowledged and lost"
    assert [number for number in gone if b'"n%dx' % number in disk.kept] == [], f"seed {seed}: not taken out"
    async with Chain("t", [disk.again()]) as chain:
        assert lost(acknowledged, chain.past) == []
    return len(acknowledged)


def lost(acknowledged: Sequence[Head], records: Sequence[Record]) -> list[Head]:
    """Heads that neither stand there nor were taken out."""
    known = {record.head for record in records}
    out = {n for record in records if record.kind == REMOVED for n in range(record.body["first"], record.sequence + 1)}
    return [head for head in acknowledged if head not in known and head.sequence not in out]


@pytest.mark.parametrize(
    ("first", "seeds"),
    [
        pytest.param(0, 200, id="short"),
        *(
            pytest.param(n, 2500, id=f"long-{n}", marks=[pytest.mark.durability, pytest.mark.timeout(900)])
            for n in range(10_000, 20_000, 2500)
        ),
    ],
)
async def test_no_acknowledged_record_is_lost_with_the_power(first: int, seeds: int) -> None:
    """Unsynced sectors kept, lost, torn in any order, at any moment, in several lives: all that was acknowledged is there."""
    total = 0
    for seed in range(first, first + seeds):
        total += await power_loss(seed)
    assert total > seeds


async def disk_errors(seed: int) -> tuple[int, int]:
    """One life on one or two disks that fail or are full at any call, and the next one; how many records were acknowledged, and how many disks failed."""
    draw = random.Random(seed)
    odds = draw.choice((0.02, 0.1, 0.3))

    def fault(what: str) -> None:
        if what in ("append", "sync") and draw.random() < odds:
            raise OSError(draw.choice((BROKEN, FULL)), what)

    disks = [FaultyDisk(name=f"disk {n}") for n in range(draw.choice((1, 2)))]
    acknowledged: list[Head] = []
    async with Chain("t", disks, gather=0) as chain:
        for disk in disks:
            disk.before = fault
        with suppress(ChainStopped):
            for _ in range(draw.randrange(1, 40)):
                for _ in range(draw.randrange(1, 4)):
                    chain.append("entry", {"data": "x" * draw.randrange(400)})
                if draw.random() < 0.7:
                    await chain.settled()
                    acknowledged.append(chain.durable)
        failed = sum(copy.state is CopyState.FAILED for copy in chain.health)
        assert chain.stopped == (failed == len(disks)), f"seed {seed}: it stops when no disk is left, and not before"
    for disk in disks:  # of what no sync has promised the kernel keeps what it likes
        disk.before = lambda _: None
        disk.data = disk.data[: draw.randint(disk.synced, len(disk.data))]
    async with Chain("t", disks) as chain:
        assert lost(acknowledged, chain.past) == [], f"seed {seed}: acknowledged and lost"
    return len(acknowledged), failed


@pytest.mark.parametrize(
    ("first", "seeds"),
    [
        pytest.param(0, 200, id="short"),
        *(
            pytest.param(n, 2500, id=f"long-{n}", marks=[pytest.mark.durability, pytest.mark.timeout(900)])
            for n in range(10_000, 20_000, 2500)
        ),
    ],
)
async def test_no_acknowledged_record_is_lost_with_a_disk(
    monkeypatch: pytest.MonkeyPatch, first: int, seeds: int
) -> None:
    """EIO and ENOSPC from any write or sync of one copy or both: all that was acknowledged is on a disk, and nothing is once none is left."""
    monkeypatch.setattr("smartroom.control.chain.chain.RETRY_S", 0.0)
    told = [await disk_errors(seed) for seed in range(first, first + seeds)]
    assert sum(acknowledged for acknowledged, _ in told) > seeds
    assert sum(failed for _, failed in told) > seeds / 4


@pytest.mark.needs("strace")
def test_the_kernels_sync_error_is_never_a_saved_record(tmp_path: Path) -> None:
    """EIO from fdatasync itself: the writer says stopped, and every record it called saved is in the file."""
    program = f"""
import asyncio
from pathlib import Path
from smartroom.control.chain import Chain, ChainStopped, FileStorage
async def main():
    async with Chain("t", [FileStorage(Path({str(tmp_path / "journal")!r}))]) as chain:
        try:
            for n in range(20):
                print("saved", (await chain.decide("entry", {{"n": n}})).sequence, flush=True)
        except ChainStopped:
            print("stopped", flush=True)
asyncio.run(main())
"""
    trace = ["strace", "-f", "-e", "trace=fdatasync", "-e", "inject=fdatasync:error=EIO:when=6+", "-o", "/dev/null"]
    told = subprocess.run(
        [*trace, sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=50
    )
    words = told.stdout.split("\n")
    assert words[-2] == "stopped"
    saved = [int(word.split()[1]) for word in words if word.startswith("saved")]
    assert len(saved) == 5
    assert {record.sequence for record in examine((tmp_path / "journal").read_bytes()).records} >= set(saved)
