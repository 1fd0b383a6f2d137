"""A Dockerfile's steps carried out in a plain folder, for machines without an engine.

One folder stands for the file systems of all stages, so `COPY --from` only has to find what it copies. Steps that change the
machine itself (packages, users, owners) are left out, and the caller is told which.
"""

import fnmatch
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

MACHINE_STEPS = frozenset({"apt-get", "useradd", "groupadd", "chown"})


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction: `RUN`, and the rest of its (joined) line."""

    name: str
    rest: str

    def words(self) -> list[str]:
        """Give the exec form's list, or the shell form's words."""
        return json.loads(self.rest) if self.rest.startswith("[") else shlex.split(self.rest)


def parse(text: str) -> list[list[Instruction]]:
    """Give the stages, each from its FROM on."""
    kept = "\n".join(line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#"))
    stages: list[list[Instruction]] = []
    for line in re.sub(r"\\\n\s*", "", kept).splitlines():
        name, _, rest = line.strip().partition(" ")
        if name == "FROM":
            stages.append([])
        stages[-1].append(Instruction(name, rest.strip()))
    return stages


@dataclass(slots=True)
class Build:
    """A build of `context` into `root`."""

    context: Path
    root: Path
    left_out: list[str] = field(default_factory=list)
    _directory: Path = field(init=False)
    _environment: dict[str, str] = field(init=False)

    def carry_out(self, stages: list[list[Instruction]]) -> None:
        """Do every COPY and RUN of every stage in order; raises CalledProcessError with the output of a step that fails."""
        tools = self.root / "tools"
        tools.mkdir(parents=True)
        (tools / "python").symlink_to(os.path.realpath(sys.executable))
        outside = {key: value for key, value in os.environ.items() if not key.startswith(("VIRTUAL_ENV", "npm_"))}
        self._environment = outside | {"PATH": f"{tools}:/usr/bin:/bin"}
        self._directory = self.root
        for instruction in (instruction for stage in stages for instruction in stage):
            match instruction.name:
                case "WORKDIR":
                    self._directory = self.at(instruction.rest)
                    self._directory.mkdir(parents=True, exist_ok=True)
                case "COPY":
                    self._copy(instruction.words())
                case "RUN":
                    self._run(instruction.rest)

    def at(self, path: str) -> Path:
        """Where an absolute path of the image stands here."""
        return self.root / path.lstrip("/")

    def _copy(self, words: list[str]) -> None:
        if words[0].startswith("--from="):
            if not self.at(words[1]).exists():
                raise FileNotFoundError(words[1])
            return
        source, target = words
        for name in self._context_files():
            path = Path(name)
            if source == "." or path == Path(source) or Path(source) in path.parents:
                inside = path if source == "." else Path(target) / path.relative_to(source)
                (self._directory / inside).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(self.context / path, self._directory / inside)

    def _context_files(self) -> Iterator[str]:
        ignored = (self.context / ".dockerignore").read_text().split()
        command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        listed = subprocess.run(command, cwd=self.context, capture_output=True, text=True, check=True).stdout
        for name in filter(None, listed.split("\0")):
            path = Path(name)
            if not _hidden(path, ignored) and (self.context / path).is_file():
                yield name

    def _run(self, line: str) -> None:
        for command in (part.strip() for part in line.split("&&")):
            if command.split()[0] in MACHINE_STEPS:
                self.left_out.append(command)
                continue
            here = re.sub(r"(?<![\w.])/(build|opt|site|data)\b", lambda found: str(self.at(found[0])), command)
            subprocess.run(
                ["/bin/sh", "-ec", here],
                cwd=self._directory,
                env=self._environment,
                check=True,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )


def _hidden(path: Path, patterns: list[str]) -> bool:
    prefixes = [str(part) for part in (path, *path.parents)]
    return any(
        any(fnmatch.fnmatch(part, pattern.removeprefix("**/")) for part in path.parts)
        if pattern.startswith("**/")
        else pattern in prefixes
        for pattern in patterns
    )
