"""A directory for one assessment, and an end to those of assessments that were killed and could not tidy up.

A key that was imported for a test may lie in one. A file in it says whose it is: the process, and when that began. Its
name is short, for gpg's sockets lie below it.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from dr.pipeline.process_table import process_start

_PREFIX = "dr-assess-"
_OWNER = "owner"
_QUIET_SECONDS = 600.0
"""Longer than any assessment takes: of one in another container, which has the same /tmp, no process is seen here."""


def scratch_directory() -> Path:
    """A new one, for its owner alone; what killed ones of the same user have left is removed first."""
    parent = Path(tempfile.gettempdir())
    with suppress(OSError), os.scandir(parent) as entries:
        for entry in entries:
            if entry.name.startswith(_PREFIX) and _is_left(entry):
                shutil.rmtree(entry.path, ignore_errors=True)
    made = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
    with suppress(OSError):  # on a full disk there is all the more to be told
        (made / _OWNER).write_text(f"{os.getpid()} {process_start(os.getpid())}")
    return made


def _is_left(entry: os.DirEntry[str]) -> bool:
    """Nobody is at work on it any more: not lately, and whoever made it has ended."""
    try:
        known = entry.stat(follow_symlinks=False)
        ours = known.st_uid == os.geteuid() and entry.is_dir(follow_symlinks=False)
        return ours and time.time() - known.st_mtime > _QUIET_SECONDS and not _has_owner(Path(entry.path))
    except OSError:
        return False


def _has_owner(directory: Path) -> bool:
    try:
        pid, _, since = (directory / _OWNER).read_text().partition(" ")
    except FileNotFoundError:
        return False  # killed before it could say so
    return pid.isdigit() and process_start(int(pid)) == since
