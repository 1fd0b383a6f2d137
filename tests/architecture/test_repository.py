"""The repository itself: nothing private in it, locked packages, links and commands that work."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LOCKS = sorted(path for path in (ROOT / "requirements").glob("*.txt") if path.name != "apt.txt")
PAGES = sorted(
    ROOT / name
    for name in subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    if (ROOT / name).is_file()
)


def named(path: Path) -> str:
    """Name a test after the file it looks at."""
    return str(path.relative_to(ROOT))


def private(root: Path) -> subprocess.CompletedProcess[str]:
    """Run the project's own check for private words."""
    command: list[str | Path] = [sys.executable, ROOT / ".ci/private.py", root]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_nothing_private_is_in_git() -> None:
    """No registry's host and no machine's own path stands in any file git knows or would add."""
    result = private(ROOT)
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("notes.md", "see /wo" + "rk/main/README.md"),
        ("requirements/dev.txt", "--extra-index" + "-url https://example.org"),
        ("web/package-lock.json", '{"resolved"' + ': "https://example.org/svelte.tgz"}'),
    ],
)
def test_a_private_word_is_found(tmp_path: Path, name: str, text: str) -> None:
    """A planted host or path is named with its file and line, even before it is committed."""
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text(f"fine\n{text}\n")
    result = private(tmp_path)
    assert result.returncode == 1
    assert f"{name}:2: " in result.stdout


@pytest.mark.parametrize("lock", LOCKS, ids=named)
def test_every_locked_package_carries_a_hash(lock: Path) -> None:
    """Each requirement of a lock is one exact version with at least one hash, and nothing else stands there."""
    entries = re.sub(r"\\\n\s*", "", re.sub(r"^\s*#.*\n", "", lock.read_text(), flags=re.MULTILINE)).splitlines()
    assert entries
    exact = re.compile(r"[a-z0-9.\-]+(\[[a-z,]+\])?==\S+( ; .+?)?( --hash=sha256:[0-9a-f]{64})+")
    assert [entry for entry in entries if not exact.fullmatch(entry.strip())] == []


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_links_lead_somewhere(page: Path) -> None:
    """Each relative link of a page leads to a file, and its #fragment to a heading of it."""
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    broken = []
    for link in re.findall(r"\]\(([^)\s]+)\)", re.sub(r"`[^`\n]*`", "", text)):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, fragment = link.partition("#")
        target = page.parent / name if name else page
        if not target.exists() or (fragment and fragment not in anchors(target)):
            broken.append(link)
    assert broken == []


def anchors(page: Path) -> set[str]:
    """Fragments of a Markdown page's headings, as hosting sites make them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_make_commands_of_the_pages_exist(page: Path) -> None:
    """Each `make target` a page tells a reader to type is a target of the Makefile."""
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    told = set(re.findall(r"(?:^|[`&;] ?)make ([a-z-]+)", page.read_text(), flags=re.MULTILINE))
    assert sorted(told - targets) == []


def test_markers_outside_make_test_are_named_in_the_makefile_or_settings() -> None:
    """What `make test` leaves out by default is a registered marker, so that it can be asked for by name."""
    settings = (ROOT / "pyproject.toml").read_text()
    left_out = re.search(r'"not \(([a-z or]+)\)"', settings)
    assert left_out
    for marker in left_out[1].split(" or "):
        assert f'"{marker}: ' in settings


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_smartroom_commands_of_the_pages_exist(page: Path) -> None:
    """Each `smartroom command` in a page's code blocks is one the installed program knows."""
    blocks = "\n".join(re.findall(r"```(?:sh|console|bash)?\n(.*?)```", page.read_text(), flags=re.DOTALL))
    program = Path(sys.executable).parent / "smartroom"
    for words in sorted(set(re.findall(r"^\$? ?(?:\.venv/bin/)?smartroom ([a-z]+)", blocks, flags=re.MULTILINE))):
        known = subprocess.run([program, words, "--help"], capture_output=True, text=True, check=False)
        assert known.returncode == 0, known.stderr
