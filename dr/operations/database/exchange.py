"""Let two data directories change places by renaming. The one that goes is kept; nothing is ever removed here.

Each rename is atomic, so whatever stops us between the two, the next call sees what is where and goes on.
"""

from __future__ import annotations

import filecmp
import logging
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from dr.errors import TargetRefused
from dr.operations.database.place import Place, identity_of, require_stopped

logger = logging.getLogger(__name__)

CONFIGURATION = ("postgresql.conf", "postgresql.auto.conf", "pg_hba.conf", "pg_ident.conf")


@dataclass(frozen=True, slots=True)
class Exchanged:
    """``aside`` is empty where nothing lay in production's place. ``configured``: files that were carried over."""

    data: str
    aside: str
    configured: tuple[str, ...] = ()


def exchange(place: Place, identity: str, *, carry: bool = True) -> Exchanged:
    """Production's directory goes aside, the staged one takes its place. Both servers must have been stopped.

    ``identity`` is the staged one's, kept when it had proven itself: nothing else may take production's place. Raises
    ``TargetRefused`` where another directory lies under its name, or under production's when the copy is gone.
    ``carry``: the configuration of today is taken along, where it lies in the data directory, instead of that of the
    day of the backup.
    """
    data, staged, aside = place.data, place.staged, place.aside
    if not staged.exists():
        if data.exists():  # both renames were done by a call that was cut off, or somebody has removed the copy
            require_exchanged(data, identity)
            return Exchanged(str(data), str(aside) if aside.exists() else "")
        raise TargetRefused(
            f"neither {data} nor {staged} is there",
            detail=f"{aside} is" if aside.exists() else "",
            hint="Look for what has moved them. Nothing was done.",
        )
    if identity_of(staged) != identity:
        raise TargetRefused(
            f"{staged} is not the directory that was to take the place of {data}",
            detail="another lies under its name; nothing was moved",
            hint="Move it away, and begin again with --anew.",
        )
    for directory in (data, staged):
        require_stopped(directory)
    configured: tuple[str, ...] = ()
    if data.exists():
        if aside.exists():
            raise TargetRefused(f"{data}, {staged} and {aside} are all there", hint="Nothing was done. Move one away.")
        if carry:
            configured = carry_configuration(data, staged)
        logger.info("%s becomes %s", data, aside)
        data.rename(aside)
        _sync(data.parent)
    logger.info("%s becomes %s", staged, data)
    staged.rename(data)
    _sync(data.parent)
    return Exchanged(str(data), str(aside) if aside.exists() else "", configured)


def require_exchanged(data: Path, identity: str) -> None:
    """Raise ``TargetRefused`` unless ``data`` is the directory that was, or should have been, exchanged in."""
    if not data.exists() or identity_of(data) != identity:
        raise TargetRefused(
            f"{data} is not the directory that was to take its place, and that one is not beside it either",
            detail="somebody has moved or removed it since; nothing was touched now",
            hint="See what lies there. What was begun cannot be gone on with: begin again with --anew.",
        )


def carry_configuration(old: Path, new: Path) -> tuple[str, ...]:
    """Copy the configuration that lies in ``old`` into ``new``; the names of files that were different."""
    different = []
    for name in CONFIGURATION:
        theirs, ours = old / name, new / name
        if not theirs.is_file() or (ours.is_file() and filecmp.cmp(theirs, ours, shallow=False)):
            continue
        temporary = ours.with_name(f"{name}.carried")
        shutil.copyfile(theirs, temporary)
        temporary.chmod(0o600)
        owner = new.stat()
        os.chown(temporary, owner.st_uid, owner.st_gid)
        temporary.replace(ours)
        different.append(name)
    return tuple(different)


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
