"""The database of a Prefect server that has just been made: kept of the first one that a test begins, then copied.

Making it takes a server longer than all the rest of its start. Each copy is one server's own from then on.
"""

from __future__ import annotations

import atexit
import shutil
import sqlite3
import tempfile
from contextlib import closing
from functools import cache
from pathlib import Path

DATABASE = "prefect.db"
_MEMORY = "memo_store.toml"
"""In which a server notes that Prefect's own kinds of Blocks are registered."""


def furnish(home: Path) -> None:
    """Lay it into an empty home, where a server of this process has been begun before."""
    for kept in _place().iterdir():
        shutil.copyfile(kept, home / kept.name)


def keep(home: Path) -> None:
    """Keep what a server has made; to be called when it answers, and before anybody has asked it for anything."""
    if (_place() / DATABASE).exists():
        return
    if (home / _MEMORY).exists():
        shutil.copyfile(home / _MEMORY, _place() / _MEMORY)
    with closing(sqlite3.connect(home / DATABASE)) as made, closing(sqlite3.connect(_place() / DATABASE)) as copy:
        made.backup(copy)


@cache
def _place() -> Path:
    place = Path(tempfile.mkdtemp(prefix="dr-prefect-template-"))
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    return place
