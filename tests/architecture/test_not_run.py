"""A test whose tool is missing says so, and never passes for one that ran."""

import re
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
pytest_plugins = ["pytester"]


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    """A tree with the project's conftest, one tool nobody has, and one test that needs it."""
    shutil.copytree(ROOT / "requirements", pytester.path / "requirements")
    (pytester.path / "requirements/apt.txt").write_text("# tools\nno-such-tool  no-such-package\nsh  dash\n")
    pytester.makeini("[pytest]\nmarkers = needs")
    tests = pytester.path / "tests"
    tests.mkdir()
    shutil.copy(ROOT / "tests/conftest.py", tests)
    (tests / "test_it.py").write_text(
        "import pytest\n"
        "@pytest.mark.needs('sh', 'no-such-tool')\n"
        "def test_without(): pass\n"
        "@pytest.mark.needs('sh')\n"
        "def test_with(): pass\n"
    )
    return pytester


def test_without_its_tool_a_test_is_listed_as_not_run(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a developer's machine the closing section names the tool, its package and every test left out."""
    monkeypatch.delenv("CI", raising=False)
    result = project.runpytest_subprocess("-p", "no:randomly", "-p", "no:cacheprovider")
    result.assert_outcomes(passed=1, skipped=1)
    result.stdout.fnmatch_lines(
        ["*NOT RUN*", "NOT RUN: no-such-tool (apt-get install no-such-package)", "*::test_without"]
    )


def test_in_ci_a_missing_tool_is_a_failure(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing may be left out, the test fails with the command that would help."""
    monkeypatch.setenv("CI", "true")
    result = project.runpytest_subprocess("-p", "no:randomly", "-p", "no:cacheprovider")
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*NOT RUN: no-such-tool (apt-get install no-such-package)*"])


def test_every_tool_asked_for_has_a_package() -> None:
    """Each `needs(...)` of the tests names a tool of requirements/apt.txt, so that `make test-deps` brings it."""
    lines = (ROOT / "requirements/apt.txt").read_text().splitlines()
    known = {line.split()[0] for line in lines if line.strip() and not line.startswith("#")}
    tests = [*(ROOT / "tests").rglob("*.py"), *(ROOT / "devices").glob("*/tests/*.py")]
    asked = {
        tool
        for path in tests
        if path != Path(__file__)
        for arguments in re.findall(r"mark\.needs\(([^)]*)\)", path.read_text())
        for tool in re.findall(r"[\"']([\w.-]+)[\"']", arguments)
    }
    assert sorted(asked - known) == []
