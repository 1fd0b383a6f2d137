"""The Dockerfile: its promises read off its text, and its steps carried out in a folder."""

import importlib.metadata
import re
import subprocess
from pathlib import Path

import pytest

from tests.architecture.dockerfile import Build, Instruction, parse

ROOT = Path(__file__).resolve().parents[2]
STAGES = parse((ROOT / "Dockerfile").read_text())
FINAL = STAGES[-1]


def only(name: str) -> Instruction:
    """Give the final stage's one instruction of that name."""
    (found,) = [instruction for instruction in FINAL if instruction.name == name]
    return found


def test_the_server_runs_as_nobody_in_particular() -> None:
    """The final stage ends as a numbered user that is not root, whom a host can give its folders to."""
    assert int(only("USER").rest) > 0


def test_site_and_data_are_volumes_and_the_server_is_told_so() -> None:
    """What must survive a new image lies in two volumes, and the start command names both."""
    assert only("VOLUME").words() == ["/site", "/data"]
    command = only("CMD").words()
    assert command[command.index("--site") + 1] == "/site"
    assert command[command.index("--data") + 1] == "/data"


def test_health_is_asked_of_the_port_the_server_listens_on() -> None:
    """The health check asks /healthz on the very port that is started and exposed."""
    command = only("CMD").words()
    port = command[command.index("--port") + 1]
    assert f":{port}/healthz" in only("HEALTHCHECK").rest
    assert only("EXPOSE").rest == port


def test_every_package_comes_by_hash() -> None:
    """No step installs a package that a lock does not pin, but for our own wheel without its dependencies."""
    installs = [
        command for stage in STAGES for step in stage for command in re.findall(r"pip install [^&]*", step.rest)
    ]
    assert len(installs) > 1
    assert [line for line in installs if "--require-hashes" not in line and "--no-deps dist/" not in line] == []


@pytest.mark.timeout(600)
def test_its_steps_give_a_working_server(tmp_path: Path) -> None:
    """Carried out in order from the files git knows, the steps end in a `smartroom` that starts and takes the start command's options."""
    build = Build(context=ROOT, root=tmp_path)
    try:
        build.carry_out(STAGES)
    except subprocess.CalledProcessError as error:
        pytest.fail(f"{error.cmd[-1]}\n{error.stdout[-4000:]}")
    smartroom = build.at("/opt/smartroom/bin/smartroom")
    told = subprocess.run([smartroom, "--version"], capture_output=True, text=True, check=True, cwd=tmp_path).stdout
    assert importlib.metadata.version("smartroom") in told

    command, *options = only("CMD").words()
    usage = subprocess.run(
        [smartroom, command, "--help"], capture_output=True, text=True, check=True, cwd=tmp_path
    ).stdout
    assert [option for option in options if option.startswith("--") and option not in usage] == []
