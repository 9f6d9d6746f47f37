"""An error of the file system in the midst of a drill, in words that tell this host's fault from the copy's (I27)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dr.errors import BackupInvalid


@contextmanager
def told(copy: Path) -> Iterator[None]:
    """Raise ``BackupInvalid`` for an OSError: what this host lacks is known by its words (``environment_faults``)."""
    try:
        yield
    except OSError as error:
        place = error.filename or copy
        raise BackupInvalid(f"could not open {place}: {error.strerror or error}") from error
