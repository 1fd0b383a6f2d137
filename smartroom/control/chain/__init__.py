"""One append-only hash chain for everything that must not be lost or changed unseen: a ceremony's journal, a room's event log, attendance.

    async with Chain("journal-7", [FileStorage(path, reserve=64 << 20), FileStorage(on_the_stick)]) as chain:
        for record in chain.past: ...                      # what earlier lives wrote: rebuild the state from it
        points = chain.append("points", {"n": 7, ...})     # at once; on the disk within 50 ms, together with what else came
        await chain.settled(points.sequence)               # now it may be called saved
        await chain.decide("done", {"by": "..."})          # a decision: on the disk before anything follows from it
        chain.durable                                      # head up to which all is on the disk: what an acknowledgement names

`ChainStopped` means that nothing more can be kept: say so, and acknowledge nothing. `examine` judges a file that may have been tampered
with, offline, by itself or against heads that somebody signed (`Anchor`). The form of the file is in docs/chain.md.
"""

from smartroom.control.chain.chain import Chain, ChainBusy, ChainDamaged, ChainStopped, CopyHealth, CopyState
from smartroom.control.chain.examine import Anchor, Break, Breakage, ClockJump, Examined, check_anchors, examine
from smartroom.control.chain.record import EMPTY, Head, Record
from smartroom.control.chain.storage import FileStorage, Storage, StorageBusy

__all__ = [
    "EMPTY",
    "Anchor",
    "Break",
    "Breakage",
    "Chain",
    "ChainBusy",
    "ChainDamaged",
    "ChainStopped",
    "ClockJump",
    "CopyHealth",
    "CopyState",
    "Examined",
    "FileStorage",
    "Head",
    "Record",
    "Storage",
    "StorageBusy",
    "check_anchors",
    "examine",
]
