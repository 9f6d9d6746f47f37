"""Can everybody on this host read a file that holds a secret?"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from dr.components import looks_secret
from dr.components.config.values import text_of, values_of
from dr.components.steady_read import Reading

_LOOKED_AT = 1 << 20


def exposed(path: Path, reading: Reading, *, env: bool) -> bool:
    """Whether others may read it, through every directory above it, and something in it looks like a secret."""
    if not reading.stat.st_mode & stat.S_IROTH or not _reachable(path):
        return False
    text = text_of(reading.data[:_LOOKED_AT])
    if text is None:
        return False
    found = values_of(str(path), text, env=env)
    if found is None:
        return looks_secret.private_key(text) or any(_line(line) for line in text.splitlines())
    return any(looks_secret.holds_secret(name, value) for name, value in found.items())


def _line(line: str) -> bool:
    """A line of no known format: ``name = value``, ``name: value`` or words."""
    for between in ("=", ":"):
        name, found, value = line.partition(between)
        if found and looks_secret.holds_secret(name.strip(), value.strip(" \t\"';,")):
            return True
    return looks_secret.secret_value(line)


def _reachable(path: Path) -> bool:
    """Whether others may pass every directory above it."""
    for above in path.absolute().parents:
        try:
            if not os.stat(above).st_mode & stat.S_IXOTH:  # noqa: PTH116 - follows a link, as an open would
                return False
        except OSError:
            return False
    return True
