"""A ceremony's server killed again and again: `python -m tests.faults.killed_writer KILLS SEED`, prints one line of JSON.

One process imports everything and forks a writer for each life. A writer opens the ceremony its predecessors left, lets a pen write, makes
decisions, and tells through a pipe what a page would be told: `ink N` is durable, a decision was acknowledged. It dies by SIGKILL at a
named point (before, in the middle of, after a write, a sync, a rename, between disk and effect) or at a random moment. Then the journal is
read: all that was told is there, once.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from smartroom.control.ceremony import archive
from smartroom.control.ceremony.retention import outline
from smartroom.control.ceremony.session import Session
from smartroom.control.chain import examine
from smartroom.control.errors import ProblemError
from smartroom.protocol.ceremony import CeremonyStage, InkDurable, Retention
from tests.ceremonies import ALONE, Listener, Pen, freeze, rest, session_in

POINTS = (
    "write.before",
    "write.middle",
    "write.after",
    "sync.before",
    "sync.after",
    "rename.before",
    "rename.after",
    "effect.before",
    "effect.after",
    "random",
)
SOURCE = "tabletutama"


@dataclass
class Told:
    """What pages were told by all writers of one ceremony."""

    ink: dict[int, int] = field(default_factory=dict)
    """Attempt -> last durable number."""
    decisions: list[str] = field(default_factory=list)


class Teller(Listener):
    """Writes to the pipe what a page would be told."""

    def __init__(self, pipe: int) -> None:
        super().__init__()
        self._pipe = pipe

    def durable(self, source: str, durable: InkDurable) -> None:
        """A pad may forget its batches up to here."""
        self.tell(f"ink {durable.attempt} {durable.number}")

    def tell(self, words: str) -> None:
        """One line; the kernel has it when this returns, whatever happens to us."""
        os.write(self._pipe, f"{words}\n".encode())


def die() -> None:
    """As by the power button of a process."""
    os.kill(os.getpid(), signal.SIGKILL)


def arm(point: str, after: int) -> None:
    """Die at a named point, at its so-many-th passing."""
    left = after

    def at(name: str) -> None:
        nonlocal left
        if name == point:
            left -= 1
            if left < 0:
                die()

    pwrite, fdatasync, replace, happened = os.pwrite, os.fdatasync, Path.replace, Session._happened

    def write(file: int, data: memoryview, offset: int) -> int:
        at("write.before")
        if point == "write.middle" and left <= 0:
            pwrite(file, bytes(data[: len(data) // 2]), offset)
            die()
        at("write.middle")
        done = pwrite(file, data, offset)
        at("write.after")
        return done

    def sync(file: int) -> None:
        at("sync.before")
        fdatasync(file)
        at("sync.after")

    def rename(self: Path, target: Path) -> Path:
        at("rename.before")
        renamed = replace(self, target)
        at("rename.after")
        return renamed

    def effect(self: Session, record: object) -> None:
        at("effect.before")
        happened(self, record)  # type: ignore[arg-type]
        at("effect.after")

    os.pwrite, os.fdatasync = write, sync  # type: ignore[assignment]
    Path.replace = rename  # type: ignore[method-assign,assignment]
    Session._happened = effect  # type: ignore[method-assign]


async def live(folder: Path, teller: Teller, draw: random.Random) -> None:
    """Whatever comes next in this ceremony, until the end or death."""
    async with session_in(folder, text=ALONE, listener=teller) as session:

        async def decide(name: str, work: Coroutine[object, object, None]) -> None:
            await work
            teller.tell(name)

        if session.told().stage is CeremonyStage.DRAFT:
            await decide("freeze", freeze(session))
        if session.told().stage is CeremonyStage.FROZEN:
            if session.lead != SOURCE:
                await decide("lead", session.take_lead(SOURCE, "Tablet", "-"))
            await decide("opened", session.open("-"))
        while session.told().stage is CeremonyStage.OPEN:
            attempt = session.story.signatories[0].attempt
            await write(session, draw)
            if attempt < 2 and draw.random() < 0.3:
                await decide("turn", session.redo(0, attempt, "-"))
            elif draw.random() < 0.5:
                with suppress(ProblemError):
                    await decide("done", session.done(0, attempt, "-"))
        if session.told().stage is CeremonyStage.SIGNED:
            await decide("reveal", session.reveal(1000, "-"))
        if session.told().stage is CeremonyStage.REVEALED:
            await decide("ended", session.end(Retention.OUTLINE, "-"))
        if session.story.outlined_at is None:
            kept = outline(list(session.story.ink.signatures.values()))
            await decide("removal", session.forget({"outlines": kept}))


async def write(session: Session, draw: random.Random) -> None:
    """Some strokes, some batches sent twice."""
    known = session.story.ink.signatures[0]
    attempt = session.story.signatories[0].attempt
    pen = Pen(session.id, attempt=attempt, number=known.received.get(SOURCE, 0), strokes=len(known.strokes))
    for _ in range(draw.randrange(1, 6)):
        for batch in pen.stroke(draw.randrange(1, 8)):
            session.ink(batch)
            if draw.random() < 0.3:
                session.ink(batch)  # sent again
            if draw.random() < 0.2:
                await asyncio.sleep(draw.random() * 0.004)
    rest(session)


def writer(folder: Path, pipe: int, seed: int) -> None:
    """One life, in a forked process."""
    draw = random.Random(seed)
    point = draw.choice(POINTS)
    if point == "random":
        signal.setitimer(signal.ITIMER_REAL, 0.001 + draw.random() ** 2 * 0.05)
        signal.signal(signal.SIGALRM, lambda *_: die())
    else:
        arm(point, int(draw.random() ** 2 * (4 if point.startswith("rename") else 14)))
    asyncio.run(live(folder, Teller(pipe), draw))


def kill_one(folder: Path, told: Told, seed: int) -> bool:
    """Fork a life, wait for its death, take what it told; False when it ended by itself."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.close(reading)
            writer(folder, writing, seed)
            status = 0
        except BaseException:  # noqa: BLE001  # what it was is worth reading, and nothing of it may reach our parent's code
            traceback.print_exc()
        finally:
            os._exit(status)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        for line in pipe:
            words = line.split()
            if words[0] == "ink":
                attempt, number = int(words[1]), int(words[2])
                told.ink[attempt] = max(told.ink.get(attempt, 0), number)
            else:
                told.decisions.append(words[0])
    _, status = os.waitpid(child, 0)
    if os.WIFEXITED(status) and os.WEXITSTATUS(status):
        raise SystemExit(f"seed {seed}: the writer failed by itself")
    return os.WIFSIGNALED(status)


def look(folder: Path, told: Told, *, ended: bool) -> list[str]:
    """What is wrong with the journal, against what was told, or when a life ended by itself."""
    file = folder / "journal"
    if not file.exists():
        return ["told, and there is no journal"] if told.decisions or told.ink else []
    found = examine(file.read_bytes())
    wrong = [f"damaged: {found.broken}"] if found.damaged else []
    numbers: dict[int, list[int]] = {}
    for record in found.records:
        if record.kind == "ink":
            numbers.setdefault(record.body["attempt"], []).append(record.body["number"])
    if ended or "removal" in told.decisions:
        wrong += [f"{path.name}: ink is still there" for path in folder.iterdir() if b'"pieces"' in path.read_bytes()]
    for attempt, last in () if found.removed else told.ink.items():
        if len(numbers.get(attempt, ())) < last:
            wrong.append(f"attempt {attempt}: {last} told as saved, {len(numbers.get(attempt, ()))} there")
    wrong += [f"attempt {each}: {got}" for each, got in numbers.items() if got != list(range(1, len(got) + 1))]
    wrong += ["some ink was taken out, not all"] if found.removed and numbers else []
    kinds = [record.kind for record in found.records]
    for kind in set(told.decisions):
        if kinds.count(kind) < told.decisions.count(kind):
            wrong.append(f"{kind}: {told.decisions.count(kind)} acknowledged, {kinds.count(kind)} there")
    if any(kinds.count(kind) > 1 for kind in ("freeze", "opened", "done", "ended", "removal")):
        wrong.append("a decision stands twice")
    archive.read(folder)  # the story can be told
    return wrong


def main(kills: int, seed: int) -> int:
    """Kill so often; 1 when anything was lost, doubled or falsely told."""
    started, died, acknowledged, wrong = time.monotonic(), 0, 0, []
    memory = Path("/dev/shm")  # noqa: S108  # a killed process leaves the page cache whole: no disk is needed to see what it lost
    parent = Path(tempfile.mkdtemp(prefix="killed-", dir=memory if memory.is_dir() else None))
    try:
        while died < kills:
            folder, told = parent / str(seed), Told()
            for _ in range(12):  # lives of one ceremony
                seed += 1
                ended = not kill_one(folder, told, seed)
                died += not ended
                wrong += [f"seed {seed}: {each}" for each in look(folder, told, ended=ended)]
                if ended or wrong:
                    break
            acknowledged += len(told.decisions) + sum(told.ink.values())
            shutil.rmtree(folder, ignore_errors=True)
            if wrong:
                break
    finally:
        shutil.rmtree(parent, ignore_errors=True)
    seconds = round(time.monotonic() - started, 1)
    print(json.dumps({"kills": died, "acknowledged": acknowledged, "wrong": wrong, "seconds": seconds}))  # noqa: T201  # a program
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2])))
