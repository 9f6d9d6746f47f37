"""Where drills put their copies: a private directory for each, and what red ones leave behind to be looked into."""

from __future__ import annotations

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

    What drills that were killed have left is removed first: it is the database in plain.
    """
    place = _directory(system)
    place.mkdir(parents=True, exist_ok=True, mode=0o700)
    for left in place.iterdir():
        owner = left.name.split("_", 1)[0]
        if owner.isdigit() and not is_running(int(owner)) and not (left / _KEPT).exists():
            logger.warning("removing %s, which a drill that was killed has left", left)
            shutil.rmtree(left, ignore_errors=True)
    own = place / f"{os.getpid()}_{secrets.token_hex(4)}"
    own.mkdir(mode=0o700)
    return own / _DATA


def remove(copy: Path) -> None:
    """The copy and what lies beside it."""
    shutil.rmtree(copy.parent, ignore_errors=True)


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
        shutil.rmtree(file.parent, ignore_errors=True)
    return copy


def _directory(system: System) -> Path:
    return (system.drill.directory or system.state_directory / "drills").absolute()
