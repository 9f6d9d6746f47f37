"""Refuse Python files over 400 lines and point at those over 300: a file is to be read in one go."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

WARN_OVER = 300
REFUSE_OVER = 400
NOT_OURS = {".git", ".venv", "build", "dist"}


def python_files(root: Path) -> list[Path]:
    """Every Python file that is committed or could be, golden files aside."""
    listed = subprocess.run(
        ("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", "*.py"),
        cwd=root, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if listed.returncode == 0:
        files = [root / name for name in listed.stdout.split("\0") if name]
    else:  # an unpacked archive, or a clone that git does not trust for this user
        files = [path for path in root.rglob("*.py") if not NOT_OURS.intersection(path.relative_to(root).parts)]
    golden = root / "tests" / "golden"
    return sorted(path for path in files if path.is_file() and not path.is_relative_to(golden))


def line_count(path: Path) -> int:
    return len(path.read_bytes().splitlines())


def main(root: Path) -> int:
    lengths = {path: line_count(path) for path in python_files(root)}
    refused = {path: lines for path, lines in lengths.items() if lines > REFUSE_OVER}
    for path, lines in lengths.items():
        if WARN_OVER < lines <= REFUSE_OVER:
            print(f"lint: {path.relative_to(root)} has {lines} lines; past {REFUSE_OVER} it is refused")
    for path, lines in refused.items():
        print(f"lint: {path.relative_to(root)} has {lines} lines, more than {REFUSE_OVER}: give each verb its own file")
    return 1 if refused else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent.parent))
