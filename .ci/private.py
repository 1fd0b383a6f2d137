"""Nothing private goes into git: `python .ci/private.py [ROOT]` names every line with a registry's host or a machine's own path."""

import re
import subprocess
import sys
from pathlib import Path

# Written in pieces, so that this file passes its own check.
WORDS = (
    "py" + "pi.org",
    "python" + "hosted.org",
    "registry." + "npmjs",
    "registry." + "yarnpkg",
    "deb." + "debian.org",
    "crates" + ".io",
    "proxy." + "golang.org",
    "/" + "work/",
    "/" + "root/",
    "../" + "shared",
    "shared" + "/reference",
    "shared" + "/design",
    "." + "library/",
    "index" + "-url",
    "find" + "-links",
    "cla" + "ude",
    "anth" + "ropic",
)
# A path of ours may hold a folder of that name; only one that begins the path is a machine's.
PATTERN = re.compile(
    "|".join(("(?<![\\w.-])" if word[0] == "/" else "") + re.escape(word) for word in WORDS), re.IGNORECASE
)
# npm writes where it fetched each package; the lock is to say what, not where.
LOCKS = re.compile(r'"resolved":')


def main(root: Path) -> int:
    """Look at every file git knows or would add; 0 when nothing private stands in them."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=root, capture_output=True, check=True).stdout.decode().split("\0")
    found = [line for name in names if name for line in private_lines(root, name)]
    print("\n".join(found) or "nothing private in git")
    return 1 if found else 0


def private_lines(root: Path, name: str) -> list[str]:
    """Give `file:line: word` for each private word in one file; a binary file is read as Latin-1."""
    path = root / name
    if path.is_symlink() or not path.is_file():
        return []
    if found := PATTERN.search(name):
        return [f"{name}: its name says {found[0]}"]
    text = path.read_bytes().decode("latin-1")
    patterns = (PATTERN, LOCKS) if path.name == "package-lock.json" else (PATTERN,)
    return [
        f"{name}:{number}: {found[0]}"
        for number, line in enumerate(text.splitlines(), 1)
        for pattern in patterns
        if (found := pattern.search(line))
    ]


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()))
