"""Has anybody used a directory since a copy into it was cut off? The next attempt goes on in it, taking nothing away.

A product may run with half of its uploads until the rest can be copied, and people go on uploading.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from dr.errors import TargetRefused
from dr.postgres.data_directory import UNFINISHED

_SHOWN = 3
_PIECE = 1 << 20


def require_unchanged(source: Path, place: Path, *, more: bool) -> None:
    """Raise ``TargetRefused`` where ``place`` holds something else than ``source`` under the same name.

    ``more``: what has come in beside that is welcome. Otherwise it is refused too: another copy may have left it.
    """
    other = _of_others(source, place, more=more)[:_SHOWN]
    if other:
        raise TargetRefused(
            f"{place} was copied in part, and somebody has used it since",
            f"for instance {', '.join(other)}; the restored copy lies in {source}; nothing was touched",
            "Stop the application, move that directory aside, and run it again; then bring back what is newer in it.",
        )


def _of_others(source: Path, place: Path, *, more: bool) -> list[str]:
    """What lies in ``place`` and is no part of ``source``, or is not as it was there."""
    found: list[str] = []
    for directory, names, files in os.walk(place):
        inside = Path(directory).relative_to(place)
        for name in (*names, *files):
            path = inside / name
            if path == Path(UNFINISHED) or (more and not os.path.lexists(source / path)):
                continue
            if not _is_copied(source / path, place / path):
                found.append(str(place / path))
        if len(found) >= _SHOWN:
            break
    return found


def _is_copied(original: Path, copy: Path) -> bool:
    try:
        before, now = original.lstat(), copy.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return not os.path.lexists(copy)
    if stat.S_IFMT(before.st_mode) != stat.S_IFMT(now.st_mode):
        return False
    if not stat.S_ISREG(before.st_mode) or (before.st_size, before.st_mtime_ns) == (now.st_size, now.st_mtime_ns):
        return True
    # The file at which it was cut off has the time of the copying, and only the beginning of what belongs into it.
    return now.st_size <= before.st_size and _begins_with(original, copy)


def _begins_with(original: Path, copy: Path) -> bool:
    with original.open("rb") as whole, copy.open("rb") as part:
        while piece := part.read(_PIECE):
            if whole.read(len(piece)) != piece:
                return False
    return True
