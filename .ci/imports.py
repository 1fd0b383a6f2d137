"""Check who imports whom: `python .ci/imports.py [ROOT]`, by import-linter and the contracts of pyproject.toml.

The contracts describe the finished tree. A module that is not written yet is left out, and named, so that a misspelt one is seen.
"""

import configparser
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Any

from importlinter.cli import lint_imports

MODULE_FIELDS = ("layers", "modules", "source_modules", "forbidden_modules", "protected_modules", "allowed_importers")
NEEDED_FIELDS = ("layers", "modules", "source_modules", "forbidden_modules", "protected_modules")


def main(root: Path) -> int:
    """Check the tree under `root`; 0 when every contract is kept."""
    rules = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["importlinter"]
    tree = Tree(root, frozenset(rules["root_packages"]))
    config = configparser.RawConfigParser()
    config["importlinter"] = _texts({key: value for key, value in rules.items() if key != "contracts"})
    for number, contract in enumerate(rules["contracts"]):
        written = tree.written(contract)
        if all(written.get(field, True) for field in NEEDED_FIELDS):
            config[f"importlinter:contract:{number}"] = _texts(written)
    if tree.missing:
        print(f"not written yet: {', '.join(sorted(tree.missing))}")
    sys.path.insert(0, str(root))
    with tempfile.NamedTemporaryFile("w", suffix=".ini") as file:
        config.write(file)
        file.flush()
        return int(lint_imports(config_filename=file.name, no_cache=True, no_logo=True))


class Tree:
    """The modules that stand under a root, and those asked for that do not."""

    def __init__(self, root: Path, packages: frozenset[str]) -> None:
        self._root = root
        self._packages = packages
        self.missing: set[str] = set()

    def written(self, contract: dict[str, Any]) -> dict[str, Any]:
        """Give the contract without the modules that do not stand."""
        (container,) = contract.get("containers", [""])
        prefix = f"{container}." if container else ""
        return contract | {
            field: [kept for line in contract[field] if (kept := self._line(line, prefix))]
            for field in MODULE_FIELDS
            if field in contract
        }

    def _line(self, line: str, prefix: str) -> str:
        return " | ".join(name for name in line.split(" | ") if self._stands(prefix + name))

    def _stands(self, name: str) -> bool:
        if name.partition(".")[0] not in self._packages or "*" in name:
            return True
        path = self._root / name.replace(".", "/")
        if path.with_suffix(".py").is_file() or (path / "__init__.py").is_file():
            return True
        self.missing.add(name)
        return False


def _texts(options: dict[str, Any]) -> dict[str, str]:
    return {key: "\n".join(value) if isinstance(value, list) else str(value) for key, value in options.items()}


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()))
