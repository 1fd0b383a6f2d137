"""Who may import whom: the tree keeps its contracts, and the contracts bite."""

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]

PLANTED = [
    ("smartroom/settings.py", "import smartroom.control.app", "Processes know the settings"),
    ("smartroom/media/worker.py", "import smartroom.control.limits", "Processes know the settings"),
    ("smartroom/protocol/ids.py", "import smartroom.settings", "Processes know the settings"),
    ("smartroom/client/room.py", "import devices.sdk.readings", "The client speaks the protocol"),
    ("smartroom/control/room/store.py", "import smartroom.control.devices", "Inside control imports go downward"),
    ("smartroom/control/scenes/engine.py", "import smartroom.control.displays", "Inside control imports go downward"),
    ("smartroom/control/scenes/plan.py", "import smartroom.control.identity", "People and rights"),
    ("smartroom/control/web/api.py", "import smartroom.control.records", "Records are bound by app alone"),
    ("smartroom/control/chain/record.py", "import smartroom.protocol", "The chain and the limits"),
    ("devices/visca/driver.py", "import smartroom.protocol", "Devices know nothing of the server"),
    ("devices/visca/driver.py", "import devices.pjlink.protocol", "Drivers never import drivers"),
    ("devices/sdk/queue.py", "import devices.pjlink", "Drivers never import drivers"),
    ("smartroom/control/devices/catalog.py", "import devices.visca", "The server knows the SDK and no driver"),
    ("smartroom/media/rtp/cache.py", "import asyncio", "RTP is arithmetic"),
    ("smartroom/media/router.py", "import aiortc", "WebRTC stands in"),
    ("devices/visca/driver.py", "import serial", "Serial ports are opened"),
    ("smartroom/control/archive.py", "from pyhanko import sign", "PDF signing stands in"),
    ("smartroom/control/scenes/steps.py", "import celpy", "Conditions are parsed in"),
    ("devices/visca/driver.py", "import aiomqtt", "Brokers are spoken to"),
    ("smartroom/control/room/store.py", "import aiohttp.web", "HTTP and Socket.IO stand in"),
    ("smartroom/control/app.py", "import sqlalchemy.orm", "The database stands in"),
]
ALLOWED = {
    "smartroom/cli/__init__.py": "import smartroom.control.app, smartroom.client, smartroom.settings",
    "smartroom/client/room.py": "import aiohttp, socketio, smartroom.protocol",
    "smartroom/control/app.py": "import smartroom.control.web, smartroom.control.records, smartroom.control.identity",
    "smartroom/control/web/api.py": "import aiohttp.web, smartroom.control.identity, smartroom.control.scenes",
    "smartroom/control/scenes/engine.py": "import smartroom.control.devices, smartroom.control.limits, devices.sdk",
    "smartroom/control/records/models.py": "import sqlalchemy, aiosqlite, smartroom.control.chain",
    "smartroom/media/transport.py": "import aiortc, pylibsrtp, asyncio",
    "smartroom/media/rtp/cache.py": "import struct",
    "smartroom/signing/seal.py": "from pyhanko import sign",
    "devices/visca/driver.py": "import devices.visca.protocol, devices.sdk",
    "devices/sdk/transport/serial.py": "import serial",
    "devices/sdk/transport/http.py": "import aiohttp",
}


def check(root: Path) -> subprocess.CompletedProcess[str]:
    """Run the project's own import check over a tree."""
    command: list[str | Path] = [sys.executable, ROOT / ".ci/imports.py", root]
    wide = os.environ | {"COLUMNS": "200"}  # a wrapped line would hide its verdict
    return subprocess.run(command, cwd=root, env=wide, capture_output=True, text=True, check=False)


def plant(root: Path, path: str, line: str) -> None:
    """Add a module with one line to a tree, and its packages."""
    module = root / path
    module.parent.mkdir(parents=True, exist_ok=True)
    for package in (folder for folder in module.parents if root in folder.parents):
        (package / "__init__.py").touch()
    with module.open("a") as file:
        file.write(f"{line}\n")


@pytest.fixture
def skeleton(tmp_path: Path) -> Path:
    """Every module the contracts name, importing only what it may."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    packages = ["commands", "client", "control", "media", "signing", "protocol", "media/rtp"]
    control = [
        "web",
        "rehearsal",
        "rundowns",
        "scenes",
        "conference",
        "displays",
        "ceremony",
        "history",
        "devices",
        "room",
        "identity",
        "records",
    ]
    for folder in (*packages, *(f"control/{name}" for name in control)):
        plant(tmp_path, f"smartroom/{folder}/__init__.py", "")
    for path in (
        "smartroom/settings.py",
        "smartroom/simulation.py",
        "smartroom/control/chain/record.py",
        "smartroom/control/limits.py",
        "smartroom/control/rooms.py",
    ):
        plant(tmp_path, path, "")
    for path in ("devices/pjlink/protocol.py", "devices/visca/protocol.py", "devices/sdk/readings.py"):
        plant(tmp_path, path, "")
    for path, line in ALLOWED.items():
        plant(tmp_path, path, line)
    return tmp_path


def test_the_tree_keeps_its_contracts() -> None:
    """No module of the project imports what the architecture forbids it."""
    result = check(ROOT)
    assert result.returncode == 0, result.stdout


def test_what_the_architecture_allows_passes(skeleton: Path) -> None:
    """A complete tree whose imports all go downward breaks nothing, and every contract is really checked."""
    result = check(skeleton)
    assert f"Contracts: {len(CONTRACTS)} kept, 0 broken." in result.stdout, result.stdout
    assert "not written yet" not in result.stdout


@pytest.mark.parametrize(("path", "line", "contract"), PLANTED)
def test_a_planted_violation_is_found(skeleton: Path, path: str, line: str, contract: str) -> None:
    """One forbidden import anywhere breaks the contract that forbids it, by name."""
    plant(skeleton, path, line)
    result = check(skeleton)
    broken = [row for row in result.stdout.splitlines() if row.endswith("BROKEN") or "BROKEN (" in row]
    assert result.returncode == 1, result.stdout
    assert any(row.startswith(contract) for row in broken), result.stdout


def test_every_contract_has_a_planted_violation() -> None:
    """A contract nobody has seen break may be one that cannot."""
    names = [contract["name"] for contract in CONTRACTS]
    assert [name for name in names if not any(name.startswith(start) for _, _, start in PLANTED)] == []
