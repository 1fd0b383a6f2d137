"""The wheel: what a machine without this tree gets."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# Served by `make dev` alone: the elements side by side.
DEVELOPERS_PAGES = {"stories.html"}


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> frozenset[str]:
    """Build the wheel as `make wheel` does and list it."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = folder.glob("smartroom-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return frozenset(archive.namelist())


def tree(pattern: str, prefix: str = "") -> set[str]:
    """Files of the tree, named as the wheel should name them."""
    return {prefix + str(path.relative_to(ROOT)) for path in ROOT.glob(pattern) if path.is_file()}


@pytest.mark.timeout(300)
def test_it_carries_both_packages_and_the_command(names: frozenset[str]) -> None:
    """Server and drivers come together, and `smartroom` is on the path after installing."""
    assert {"smartroom/__init__.py", "devices/__init__.py", "devices/sdk/__init__.py"} <= names
    assert any(name.endswith(".dist-info/entry_points.txt") for name in names)


@pytest.mark.timeout(300)
def test_it_carries_every_built_page(names: frozenset[str]) -> None:
    """Each page of web/ is there, built, with what it loads: no Node is needed where the wheel is installed."""
    pages = {path.name for path in (ROOT / "web").glob("*.html")} - DEVELOPERS_PAGES
    assert pages
    assert {f"smartroom/control/web/static/{page}" for page in pages} <= names
    assert any(name.startswith("smartroom/control/web/static/") and name.endswith(".js") for name in names)


@pytest.mark.timeout(300)
def test_it_carries_the_site_template_whole(names: frozenset[str]) -> None:
    """`demo` copies its site out of the wheel, so every file of scenes/ is in it."""
    scenes = tree("scenes/**/*", "smartroom/site_template/")
    wanted = {name.replace("site_template/scenes/", "site_template/") for name in scenes if "__pycache__" not in name}
    assert "smartroom/site_template/smart-room-centre/room.yaml" in wanted
    assert wanted <= names


@pytest.mark.timeout(300)
def test_it_carries_what_drivers_are_found_by(names: frozenset[str]) -> None:
    """A driver is found by its driver.yaml; each of them is in the wheel."""
    drivers = tree("devices/*/driver.yaml")
    assert drivers
    assert drivers <= names


@pytest.mark.timeout(300)
def test_it_carries_nothing_only_developers_need(names: frozenset[str]) -> None:
    """No tests (but the template's, which a new driver begins with), no sources of pages, no build leftovers."""
    unwanted = ("/tests/", "node_modules", "__pycache__", "/.built", ".tsbuildinfo")
    assert [name for name in names if any(part in name for part in unwanted) and "/_template/" not in name] == []
    assert {name.split("/", maxsplit=1)[0].split("-")[0] for name in names} == {"smartroom", "devices"}
