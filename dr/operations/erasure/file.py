"""The ledger on this host: a file outside of the database, one line of JSON per person, only ever appended to."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from dr.catalog.erasures import ErasureEntry, entry_line, read_entry
from dr.errors import ConfigurationError, StoreFull


def read_ledger(file: Path) -> tuple[ErasureEntry, ...]:
    """All entries; none where there is no file yet. A torn last line is what a crash left of an unfinished call."""
    try:
        data = file.read_bytes()
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise ConfigurationError(
            f"the ledger of erasures {file} cannot be read", str(error), "Let this account read erasure.ledger."
        ) from error
    whole = data[: data.rfind(b"\n") + 1]
    return tuple(read_entry(line, str(file)) for line in whole.splitlines() if line.strip())


def append(file: Path, entries: tuple[ErasureEntry, ...]) -> None:
    """Write entries behind the others; they are on disk when this returns."""
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            _cut_torn_line(descriptor)
            data = b"".join(entry_line(entry) for entry in entries)
            if os.write(descriptor, data) != len(data):
                raise OSError("it was not written whole")
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        directory = os.open(file.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
    except OSError as error:
        raise StoreFull(
            f"the ledger of erasures {file} cannot be written",
            detail=str(error),
            hint="Nobody was erased. Let this account write erasure.ledger, and try again.",
        ) from error


def _cut_torn_line(descriptor: int) -> None:
    """What a crash left behind the last whole line would swallow the next one."""
    size = os.fstat(descriptor).st_size
    data = os.pread(descriptor, size, 0)
    whole = data.rfind(b"\n") + 1
    if whole < size:
        os.ftruncate(descriptor, whole)
