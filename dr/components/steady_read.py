"""Reading a small file that somebody may be writing: whole, and as it was at one moment.

Time stamps alone do not tell: two writes within one tick of the kernel's clock leave the same one. So a file counts as
steady when two readings in a row brought the same bytes and its size, times and inode stood still between them.
"""

from __future__ import annotations

import os
import stat
import time
from dataclasses import dataclass
from pathlib import Path

LIMIT = 64 << 20
"""The most bytes that are taken for a configuration; what is larger belongs to another component."""
_ATTEMPTS = 3
_PAUSE_SECONDS = 0.02
_FRESH_SECONDS = 1.0
"""Whoever changed a file so shortly ago may be in the midst of it: a look at once would see no difference."""
_CHUNK = 1 << 20


class NotRegular(OSError):
    """It is no regular file: a directory, a pipe, a device."""


class TooLarge(OSError):
    """It holds more than ``limit`` bytes."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A file's bytes and what it was while they were read. ``steady``: nobody was writing it."""

    data: bytes
    stat: os.stat_result
    steady: bool


def read_steadily(path: Path, *, follow: bool = False, limit: int = LIMIT) -> Reading:
    """Read ``path``, again when it changes meanwhile, up to three times; then what came last, not ``steady``.

    A symbolic link is followed only on demand. Raises OSError: ``NotRegular``, ``TooLarge``, or the system's own.
    """
    before = _read(path, follow, limit)
    for _ in range(_ATTEMPTS):
        if _fresh(before.stat):
            time.sleep(_PAUSE_SECONDS)
        again = _read(path, follow, limit)
        if _same(before, again):
            return Reading(again.data, again.stat, steady=True)
        before = again
    return Reading(before.data, before.stat, steady=False)


def _fresh(seen: os.stat_result) -> bool:
    return abs(time.time() - seen.st_ctime) < _FRESH_SECONDS


def _same(one: Reading, other: Reading) -> bool:
    return one.steady and other.steady and _mark(one.stat) == _mark(other.stat) and one.data == other.data


def _read(path: Path, follow: bool, limit: int) -> Reading:
    # Without O_NONBLOCK the opening of a named pipe would wait for somebody to write into it.
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | (0 if follow else os.O_NOFOLLOW)
    descriptor = os.open(path, flags)
    try:
        begun = os.fstat(descriptor)
        if not stat.S_ISREG(begun.st_mode):
            raise NotRegular(f"{path} is no regular file")
        data = bytearray()
        while chunk := os.read(descriptor, _CHUNK):
            data += chunk
            if len(data) > limit:
                raise TooLarge(f"{path} holds more than {limit >> 20} MiB")
        ended = os.fstat(descriptor)
    finally:
        os.close(descriptor)
    return Reading(bytes(data), ended, steady=_mark(begun) == _mark(ended))


def _mark(seen: os.stat_result) -> tuple[int, ...]:
    return (seen.st_ino, seen.st_dev, seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns, seen.st_mode)
