"""Which process is which: a number is given to another one some day, its time of birth is not."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from dr.pipeline.process import is_running

_TABLE = Path("/proc")
_STATE, _SESSION, _START = 0, 3, 19
_ENDED = ("Z", "X")


def process_start(pid: int) -> str:
    """When a process began, as the kernel counts it since it was booted; empty when there is none, or only its remains.

    Where the kernel has no table of processes to read, ``running`` is all that can be said.
    """
    begun = process_begun(pid)
    if begun is None:
        return "running" if not _TABLE.is_dir() and is_running(pid) else ""
    return begun


def process_begun(pid: int) -> str | None:
    """The same; empty only for one that has ended and was not reaped.

    None where that cannot be read: there is none, or the system hides other people's processes.
    """
    fields = _fields(pid)
    if not fields:
        return None
    return "" if fields[_STATE] in _ENDED else fields[_START]


def session_members(session: int, since: str) -> Iterator[int]:
    """The processes of a session that is led, or was, by the process of that number which began at ``since``.

    Nothing where that number leads another session by now, for these are somebody else's.
    """
    leader = _fields(session)
    if not since.isdigit() or (leader and leader[_START] != since):
        return
    for entry in _TABLE.glob("[0-9]*"):
        fields = _fields(int(entry.name))
        ours = fields and fields[_SESSION] == str(session) and fields[_STATE] != "Z"
        if ours and int(fields[_START]) >= int(since):
            yield int(entry.name)


def boot() -> str:
    """Which boot of this machine this is; empty where the kernel does not say."""
    try:
        return (_TABLE / "sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def _fields(pid: int) -> list[str]:
    """What follows the name in the process's line; the name may hold blanks and parentheses itself."""
    try:
        return os.fsdecode((_TABLE / str(pid) / "stat").read_bytes()).rpartition(")")[2].split()
    except OSError:
        return []
