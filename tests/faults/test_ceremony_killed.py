"""kill -9 anywhere in a ceremony: nothing that was told as saved is lost, nothing counts twice."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("kills", "seed"),
    [
        pytest.param(60, 1, id="short"),
        *(
            pytest.param(2500, n * 1_000_000, id=f"long-{n}", marks=[pytest.mark.durability, pytest.mark.timeout(1800)])
            for n in range(1, 5)
        ),
    ],
)
def test_nothing_told_is_lost(kills: int, seed: int) -> None:
    """Each life ends at a named point or a random moment; the journal of all lives holds what was told, once, in order."""
    command = [sys.executable, "-m", "tests.faults.killed_writer", str(kills), str(seed)]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    told = json.loads(ran.stdout.splitlines()[-1])
    assert told["wrong"] == []
    assert told["kills"] >= kills
    assert told["acknowledged"] > kills
