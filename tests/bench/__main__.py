"""Run benches: `python -m tests.bench [NAME…]`, where NAME is `scene-recall` for `bench_scene_recall.py`.

A bench is a module with `async def main() -> Report`. Each runs in its own process, so none inherits another's memory or warmed caches.
Exit status: 0 every goal met, 1 a goal missed, 2 a bench broke or is unknown.
"""

import asyncio
import importlib
import json
import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from tests.bench.report import Report

HERE = Path(__file__).parent
RESULTS = HERE.parents[1] / "build/bench"
CHILD = "--in-this-process"


def main(arguments: list[str]) -> int:
    """Run the named benches, or all; the worst exit status is ours."""
    if arguments[:1] == [CHILD]:
        return run(arguments[1])
    known = sorted(path.stem.removeprefix("bench_").replace("_", "-") for path in HERE.glob("bench_*.py"))
    unknown = sorted(set(arguments) - set(known))
    if unknown:
        print(f"no bench named {', '.join(unknown)}; there are: {', '.join(known) or 'none'}", file=sys.stderr)
        return 2
    results = [
        subprocess.run([sys.executable, "-m", "tests.bench", CHILD, name], check=False).returncode
        for name in arguments or known
    ]
    return min(max(results, default=0), 2)


def run(name: str) -> int:
    """Run one bench here, print its table and write its figures."""
    module = importlib.import_module(f"tests.bench.bench_{name.replace('-', '_')}")
    load_before = os.getloadavg()[0]
    report: Report = asyncio.run(module.main())
    print(f"{name}: {report.how}\n{report.table()}\n", flush=True)
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps(_record(name, report, load_before), indent=2) + "\n")
    return 0 if report.met else 1


def _record(name: str, report: Report, load_before: float) -> dict[str, object]:
    return {
        "name": name,
        "command": f"make bench BENCH={name}",
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        # A busy machine explains a bad figure, so its load travels with it.
        "load_before": round(load_before, 2),
        **report.as_json(),
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
