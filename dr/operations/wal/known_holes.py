"""Which holes in the WAL have been told of: each fails the run that finds it, and is only listed by later ones.

A hole stays until its WAL expires. A run that failed for weeks because of it would hide the next one.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from dr.configuration.model import System
from dr.operations.whole_file import write_whole


def new_holes(system: System, holes: Iterable[str]) -> tuple[str, ...]:
    """Those that no earlier run on this host was told of."""
    file = system.state_directory / "wal" / f"{system.name}.holes.json"
    try:
        known = set(msgspec.json.decode(file.read_bytes(), type=list[str]))
    except (OSError, msgspec.DecodeError):
        known = set()  # told once too often is better than not at all
    return tuple(hole for hole in holes if hole not in known)


def remember_holes(system: System, holes: Iterable[str]) -> None:
    """From now on these are known, and no others."""
    file = system.state_directory / "wal" / f"{system.name}.holes.json"
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_whole(file, msgspec.json.encode(sorted(holes)))
