"""The files of journals: held by one process at a time, and not lost with the power."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dr.errors import ConfigurationError, LeaseHeld, StoreFull


@contextmanager
def one_opens(parent: Path, procedure: str) -> Iterator[None]:
    """Of two processes that begin at once, the second sees the journal of the first."""
    descriptor = os.open(parent / f".{procedure}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def refuse_held(directory: Path, file: str) -> None:
    """Raises ``LeaseHeld`` while another process is at work in ``directory``."""
    try:
        descriptor = os.open(directory / file, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    except OSError as error:
        raise cannot_write(directory, error) from error
    try:
        lock(descriptor, directory)
    finally:
        os.close(descriptor)


def open_held(file: Path) -> int:
    """A descriptor to append with; as long as it is open, nobody else gets one. Raises ``LeaseHeld``."""
    try:
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise cannot_write(file.parent, error) from error
    try:
        lock(descriptor, file.parent)
        sync(file.parent)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def lock(descriptor: int, directory: Path) -> None:
    """Hold an open file; ended with the process, however that ends."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise LeaseHeld(
            f"another process is at work on {directory.name}", hint="Wait for it, or end it and run this again."
        ) from None


def sync(directory: Path) -> None:
    """A new name in a directory is lost with the power unless the directory is written as well."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def cannot_write(directory: Path, error: OSError) -> StoreFull | ConfigurationError:
    """What the operating system said, as an error that says what to do."""
    message = f"the journal in {directory} cannot be written"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StoreFull(message, str(error), "Free space there and run it again: it goes on where it was.")
    return ConfigurationError(message, str(error), "Give state_directory (DR_STATE_DIRECTORY) a place to write to.")
