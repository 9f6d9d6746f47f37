"""The entries of an incident on this host's disk: several processes write into one file, and none loses a line.

``<id>/events.jsonl`` holds a line of JSON per entry. A line is written whole, under a lock, and synced before anybody
relies on it; what a crash has torn off at the end is cut away by who writes next.
"""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from dr.errors import ConfigurationError, StoreFull
from dr.evidence.incident import AnyEntry, Incident, decoded, encoded

FILE = "events.jsonl"


def new_id(now: datetime) -> str:
    """When it was opened (UTC), and four digits that keep two hosts apart."""
    return f"{now:%Y%m%d_%H%M%S}_{secrets.token_hex(2)}"


def append(directory: Path, entry: AnyEntry) -> None:
    """Write one entry, whole and synced. Raises ``StoreFull`` or ``ConfigurationError``."""
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(directory / FILE, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            _cut_torn_line(descriptor)
            _write_whole(descriptor, encoded(entry))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        _sync(directory)
    except OSError as error:
        raise cannot_write(directory, error) from error


def read(directory: Path) -> Incident | None:
    """All that has been written; None where there is nothing yet."""
    try:
        data = (directory / FILE).read_bytes()
    except FileNotFoundError:
        return None
    entries = decoded(data, str(directory / FILE))
    return Incident(entries) if entries else None


@contextmanager
def alone(parent: Path) -> Iterator[None]:
    """One process at a time opens or closes incidents of a system: two runs that begin together share one."""
    try:
        parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(parent / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise cannot_write(parent, error) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def cannot_write(directory: Path, error: OSError) -> StoreFull | ConfigurationError:
    """What to tell who cannot keep an incident on this host."""
    message = f"the incident in {directory} cannot be written"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StoreFull(message, str(error), "Free space there, or name another DR_STATE_DIRECTORY for now.")
    return ConfigurationError(message, str(error), "Give state_directory (DR_STATE_DIRECTORY) a place to write to.")


def _write_whole(descriptor: int, line: bytes) -> None:
    begin = os.fstat(descriptor).st_size
    written = os.write(descriptor, line)
    if written < len(line):
        os.ftruncate(descriptor, begin)
        raise OSError(errno.ENOSPC, "the disk took only a part of the line")


def _cut_torn_line(descriptor: int) -> None:
    size = os.fstat(descriptor).st_size
    if size and os.pread(descriptor, 1, size - 1) != b"\n":
        # It would swallow the next line; nobody was told that it is kept.
        os.ftruncate(descriptor, os.pread(descriptor, size, 0).rfind(b"\n") + 1)


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
