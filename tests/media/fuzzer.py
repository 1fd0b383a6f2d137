"""Coverage-guided fuzzing: `python -m tests.media.fuzzer TARGET [libFuzzer options]`; `make fuzz` goes through all targets.

A module of its own: what is to be measured must be imported under atheris's eyes.
"""

from __future__ import annotations

import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["smartroom"]):
    from tests.media.fuzz import CORPORA, TARGETS, guarded

LIMITS = ("-max_len=4096", "-timeout=5", "-rss_limit_mb=1024")


def main() -> None:
    """Fuzz one target until told to stop."""
    name, *options = sys.argv[1:]
    found, kept = Path("build/fuzz") / name, CORPORA / name
    found.mkdir(parents=True, exist_ok=True)
    places = [f"-artifact_prefix={kept}/", str(found), str(kept)]  # new inputs go to the first folder
    atheris.Setup([sys.argv[0], *LIMITS, *options, *places], guarded(TARGETS[name]))
    atheris.Fuzz()


if __name__ == "__main__":
    main()
