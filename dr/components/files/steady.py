"""Reading one file so that what is kept is one state of it, cut into pieces, its holes left out.

Pieces begin at multiples of their size, so that of a file that was appended to only the end is new.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from dr.catalog.file_index import Piece

PIECE = 16 << 20
_ATTEMPTS = 3
_PAUSE_SECONDS = 0.02
_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC

Keep = Callable[[str, bytes], str]
"""Takes the SHA-256 of a piece and its bytes; gives the pack in which they lie."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read. ``steady`` is False when the file changed during each attempt; ``status`` is of the last one."""

    status: os.stat_result
    size: int
    pieces: tuple[Piece, ...]
    steady: bool


def read_steadily(name: str, directory: int, keep: Keep) -> Reading:
    """Read the file ``name`` of an open directory. Raises OSError; FileNotFoundError also when it is no file now."""
    descriptor = _opened(name, directory)
    try:
        reading = _attempt(name, descriptor, keep)
        for _ in range(1, _ATTEMPTS):
            if reading.steady:
                break
            time.sleep(_PAUSE_SECONDS)
            reading = _attempt(name, descriptor, keep)
        return reading
    finally:
        os.close(descriptor)


def _attempt(name: str, descriptor: int, keep: Keep) -> Reading:
    before = os.fstat(descriptor)
    if not stat.S_ISREG(before.st_mode):
        raise FileNotFoundError(errno.ENOENT, "it is no file any more", name)
    pieces, size = _content(descriptor, before, keep)
    return Reading(before, size, pieces, size == before.st_size and _same(before, os.fstat(descriptor)))


def _opened(name: str, directory: int) -> int:
    try:
        return os.open(name, _FLAGS | os.O_NOATIME, dir_fd=directory)
    except PermissionError:
        return os.open(name, _FLAGS, dir_fd=directory)  # only its owner may read a file without leaving a trace


def _same(one: os.stat_result, other: os.stat_result) -> bool:
    return (one.st_size, one.st_mtime_ns, one.st_ctime_ns) == (other.st_size, other.st_mtime_ns, other.st_ctime_ns)


def _content(descriptor: int, status: os.stat_result, keep: Keep) -> tuple[tuple[Piece, ...], int]:
    """The pieces, and the size as far as it could be read: less than the file's when it was cut off meanwhile."""
    pieces = []
    for begin, end in _extents(descriptor, status):
        at = begin
        while at < end:
            length = min(end, (at // PIECE + 1) * PIECE) - at
            data = _read(descriptor, at, length)
            if data:
                digest = hashlib.sha256(data).hexdigest()
                pieces.append(Piece(at, len(data), digest, keep(digest, data)))
            if len(data) < length:
                return tuple(pieces), at + len(data)
            at += length
    return tuple(pieces), status.st_size


def _extents(descriptor: int, status: os.stat_result) -> Iterator[tuple[int, int]]:
    """Begin and end of what is not a hole."""
    size, at = status.st_size, 0
    if status.st_blocks * 512 >= size:
        if size:
            yield 0, size
        return
    while at < size:
        try:
            begin = os.lseek(descriptor, at, os.SEEK_DATA)
            end = min(os.lseek(descriptor, begin, os.SEEK_HOLE), size)
        except OSError as error:
            if error.errno != errno.ENXIO:  # ENXIO: nothing but a hole up to the end
                yield at, size
            return
        yield begin, end
        at = end


def _read(descriptor: int, at: int, length: int) -> bytes:
    data = os.pread(descriptor, length, at)
    if len(data) in (0, length):
        return data
    parts = [data]
    held = len(data)
    while held < length and (more := os.pread(descriptor, length - held, at + held)):
        parts.append(more)
        held += len(more)
    return b"".join(parts)
