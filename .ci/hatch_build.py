"""What a wheel carries besides the code: the pages, built when nobody has built them yet, and the site template."""

import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class WheelHook(BuildHookInterface):  # type: ignore[type-arg]
    """Complete a wheel; an editable install takes pages and scenes from the tree itself."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the pages if they are absent, and add `scenes/` as `smartroom/site_template/`."""
        root = Path(self.root)
        if self.target_name != "wheel" or version == "editable":
            return
        if not (root / "smartroom/control/web/static").is_dir() and (root / "web/package.json").is_file():
            subprocess.run([sys.executable, root / ".ci/pages.py"], check=True, cwd=root)
        if (root / "scenes").is_dir():
            build_data["force_include"][str(root / "scenes")] = "smartroom/site_template"
