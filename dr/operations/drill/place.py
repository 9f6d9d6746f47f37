"""Where drills put their copies: a private directory for each, and what red ones leave behind to be looked into."""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import shutil
from pathlib import Path

from dr.configuration.model import System
from dr.pipeline.process import is_running

logger = logging.getLogger(__name__)

_DATA, _KEPT = "data", "KEPT.txt"


def new_place(system: System) -> Path:
    """A directory for a copy, which may lay more beside it; its parent is its owner's alone.

    What drills that were killed have left is removed first: it is what was backed up, in plain.
    """
    place = _directory(system)
    place.mkdir(parents=True, exist_ok=True, mode=0o700)
    for left in place.iterdir():
        owner = left.name.split("_", 1)[0]
        if owner.isdigit() and not is_running(int(owner)) and not (left / _KEPT).exists():
            logger.warning("removing %s, which a drill that was killed has left", left)
            _clear(left)
    own = place / f"{os.getpid()}_{secrets.token_hex(4)}"
    own.mkdir(mode=0o700)
    return own / _DATA


def remove(copy: Path) -> None:
    """The copy and what lies beside it."""
    _clear(copy.parent)


def keep(system: System, copy: Path, why: str) -> Path | None:
    """Leave a red drill's copy for people, and of those left before only the newest few.

    None when there is nothing to leave, or the configuration wants none left.
    """
    if not system.drill.keep_failed or not copy.exists() or not any(copy.iterdir()):
        remove(copy)
        return None
    (copy.parent / _KEPT).write_text(f"{why}\n", encoding="utf-8")
    kept = sorted(_directory(system).glob(f"*/{_KEPT}"), key=lambda file: file.stat().st_mtime_ns)
    for file in kept[: -system.drill.keep_failed]:
        logger.info("removing %s: of red drills the newest %d are kept", file.parent, system.drill.keep_failed)
        _clear(file.parent)
    return copy


def _clear(place: Path) -> None:
    """Remove it with directories that not even their owner may write to, as restored ones can be."""
    for directory, names, _ in os.walk(place):
        for inner in (Path(directory, name) for name in names):
            if not inner.is_symlink():
                with contextlib.suppress(OSError):
                    inner.chmod(0o700)
    shutil.rmtree(place, ignore_errors=True)


def _directory(system: System) -> Path:
    return (system.drill.directory or system.state_directory / "drills").absolute()
