"""What every test may rely on: tools named by `needs` are there, or the test says NOT RUN. What the report ends with."""

import gc
import json
import os
import shutil
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parent.parent
# Servers such as coturn live where an ordinary user's PATH does not look.
SEARCH_PATH = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/sbin"))
NOT_RUN = "NOT RUN: "
# How fast an example runs on a busy machine is no claim of any test; under CI=true hypothesis knows that by itself.
settings.register_profile("smartroom", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("smartroom")


def packages() -> dict[str, str]:
    """Tool -> Debian package, from requirements/apt.txt."""
    lines = (ROOT / "requirements/apt.txt").read_text().splitlines()
    return dict(line.split() for line in lines if line.strip() and not line.startswith("#"))


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Leave out a test whose tool is missing; under CI=true that is a failure."""
    for tool in (tool for mark in item.iter_markers("needs") for tool in mark.args):
        if shutil.which(tool, path=SEARCH_PATH):
            continue
        reason = f"{NOT_RUN}{tool} (apt-get install {packages()[tool]})"
        if os.environ.get("CI") == "true":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> Generator[None]:
    """After each file what stays is left out of the garbage collector's rounds, as a server does after its start.

    A test process grows to a gigabyte, which a full collection looks through for seconds on a busy machine: the pages of its servers would take them for dead.
    """
    yield
    if nextitem is None or nextitem.path != item.path:
        gc.collect()
        gc.freeze()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """After the failures: which driver has which capability, and every test that was NOT RUN with what is missing."""
    _conformance(terminalreporter)
    missing: dict[str, list[str]] = {}
    for report in terminalreporter.stats.get("skipped", []):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else ""
        if NOT_RUN in reason:
            missing.setdefault(reason[reason.index(NOT_RUN) :], []).append(report.nodeid)
    if missing:
        terminalreporter.section("NOT RUN", yellow=True)
    for reason, tests in sorted(missing.items()):
        terminalreporter.line(reason)
        for test in sorted(tests):
            terminalreporter.line(f"  {test}")


def _conformance(terminalreporter: pytest.TerminalReporter) -> None:
    """The table of driver x capability, from what the conformance tests recorded, in this process or in workers."""
    reports = [report for outcome in ("passed", "failed") for report in terminalreporter.stats.get(outcome, [])]
    recorded = [value for report in reports for name, value in report.user_properties if name == "conformance"]
    if recorded:
        from devices.sdk.testing.table import Row, table_of  # noqa: PLC0415  # only where there is a table

        terminalreporter.section("Drivers and their capabilities")
        for line in table_of(Row(**json.loads(str(value))) for value in recorded):
            terminalreporter.line(line)
