"""Whether a server runs in a data directory, by its own file: nothing is moved from under one."""

from __future__ import annotations

from pathlib import Path

from dr.pipeline.process import is_running

FILE = "postmaster.pid"


def postmaster_pid(directory: Path) -> int | None:
    """The process that runs there; None when there is none, or one ended without removing its file."""
    try:
        first = (directory / FILE).read_text(encoding="utf-8", errors="replace").partition("\n")[0].strip()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return int(first) if first.isdecimal() and is_running(int(first)) else None


def started_as(directory: Path) -> tuple[str, int] | None:
    """The directory as its server calls it, and when that began (seconds since 1970), by its file; None without one."""
    try:
        _, own, began, *_ = (directory / FILE).read_text(encoding="utf-8", errors="replace").splitlines()
        return own, int(began)
    except (OSError, ValueError):
        return None
