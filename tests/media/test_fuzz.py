"""The kept corpora, whole and damaged: only ValueError comes out, and nothing takes long."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

import psutil
import pytest

from tests.media.fuzz import CORPORA, TARGETS, guarded

DAMAGED = 150  # copies of each kept input
SLOW = {"room": 30}  # a whole room is made for each
LONGEST = 0.05  # s for one input (G10)
LARGEST = 64 << 20  # bytes of memory all inputs may leave behind (G10)


def _fast(run: Callable[[bytes], None], data: bytes) -> bool:
    """Whether an input is done in time, at one of three tries: a collection of garbage may fall into one."""
    for _ in range(3):
        begun = time.thread_time()
        run(data)
        if time.thread_time() - begun < LONGEST:
            return True
    return False


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_kept_and_damaged_inputs_raise_only_value_error(name: str) -> None:
    """Every kept input of the fuzzer, and copies with bits flipped, cut, doubled."""
    draw = random.Random(name)
    memory = psutil.Process().memory_info().rss
    run = guarded(TARGETS[name])
    kept = [path.read_bytes() for path in sorted((CORPORA / name).glob("*"))]
    assert kept
    for seed in kept:
        run(seed)
        for _ in range(SLOW.get(name, DAMAGED)):
            data = bytearray(seed)
            for _ in range(draw.randint(1, 8)):
                if not data:
                    break
                at = draw.randrange(len(data))
                choice = draw.random()
                if choice < 0.5:
                    data[at] = draw.randrange(256)
                elif choice < 0.75:
                    del data[at : at + draw.randint(1, 20)]
                else:
                    data[at:at] = data[at : at + draw.randint(1, 40)]
            assert _fast(run, bytes(data))
    assert psutil.Process().memory_info().rss - memory < LARGEST
