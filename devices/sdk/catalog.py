"""Finding protocol families: folders that hold a `driver.yaml`, inside the package or anywhere else."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import TYPE_CHECKING

from devices.sdk.address import parse_address
from devices.sdk.driver import Driver
from devices.sdk.errors import BadSetting
from devices.sdk.manifest import SHIPPED, Manifest, load_manifest
from devices.sdk.settings import Settings

if TYPE_CHECKING:
    from devices.sdk.connection import Observer
    from devices.sdk.session import Session
    from devices.sdk.testing.simulator import Simulator

BUILT_IN = SHIPPED
"""The `devices` package: families that ship."""


@dataclass(frozen=True, slots=True)
class Family:
    """One protocol family: what its folder holds. Code is imported at the first use of `driver` or `simulator`."""

    folder: Path
    manifest: Manifest

    @property
    def code(self) -> Path:
        """The folder its code stands in: its own, or that of the family it extends."""
        return BUILT_IN / self.manifest.extends if self.manifest.extends else self.folder

    @property
    def driver(self) -> type[Driver]:
        """The driver class; BadSetting when the folder's code cannot give it."""
        found = _imported(self.code, self.manifest.driver)
        if not issubclass(found, Driver):
            raise BadSetting(f"{self.folder / 'driver.yaml'}: {self.manifest.driver} is no Driver", key="driver")
        return found

    @property
    def simulator(self) -> type[Simulator]:
        """The simulator class; BadSetting when the folder's code cannot give it."""
        from devices.sdk.testing.simulator import Simulator  # noqa: PLC0415  # a server that simulates nothing does not load it

        found = _imported(self.code, self.manifest.simulator)
        if not issubclass(found, Simulator):
            raise BadSetting(
                f"{self.folder / 'driver.yaml'}: {self.manifest.simulator} is no Simulator", key="simulator"
            )
        return found


def find_families(*folders: Path) -> dict[str, Path]:
    """Family name -> folder, of the shipped ones and of all in `folders`; a later folder wins over an earlier one of the same name."""
    found: dict[str, Path] = {}
    for root in (BUILT_IN, *folders):
        if root.is_dir():
            found |= {
                path.parent.name: path.parent
                for path in sorted(root.glob("*/driver.yaml"))
                if not path.parent.name.startswith(("_", "."))
            }
    return found


def load_family(folder: Path) -> Family:
    """Read a family's manifest; DocumentError names file, line and fix."""
    folder = folder.resolve()
    return Family(folder, load_manifest(folder / "driver.yaml"))


def open_session(family: Family, settings: Mapping[str, object], at: str, observer: Observer) -> Session:
    """A session for one device of `room.yaml`; BadSetting names the key that cannot be used."""
    from devices.sdk.session import Session  # noqa: PLC0415  # `drivers list` does not need it

    address = parse_address(at, family.manifest)
    return Session(family.driver(family.manifest, Settings(family.manifest, settings)), address, observer)


def _imported(folder: Path, target: str) -> type:
    module_name, colon, class_name = target.partition(":")
    where = f"{folder / 'driver.yaml'}: '{target}'"
    if not colon:
        raise BadSetting(f"{where} must be module:Class", key="driver")
    try:
        module = import_module(f"{_package(folder)}.{module_name}")
    except ModuleNotFoundError as error:
        raise BadSetting(f"{where}: {error}", key="driver") from error
    found = getattr(module, class_name, None)
    if not isinstance(found, type):
        raise BadSetting(f"{where}: no class {class_name} in {module_name}.py", key="driver")
    return found


def _package(folder: Path) -> str:
    """Import name of a family's folder; a folder outside the package becomes a package of its own."""
    if folder.parent == BUILT_IN:
        return f"devices.{folder.name}"
    name = f"smartroom_family_{folder.name}"
    loaded = sys.modules.get(name)
    if loaded is None or list(getattr(loaded, "__path__", [])) != [str(folder)]:
        for stale in [key for key in sys.modules if key == name or key.startswith(f"{name}.")]:
            del sys.modules[stale]
        spec = spec_from_file_location(name, folder / "__init__.py", submodule_search_locations=[str(folder)])
        if spec is None or spec.loader is None or not (folder / "__init__.py").is_file():
            raise BadSetting(f"{folder} has no __init__.py", key="driver")
        module = module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    return name
