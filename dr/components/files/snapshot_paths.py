"""Which paths the last backup of uploads has: asked by rows that name files, on a host that cannot read its own index.

Kept beside the cache, as keyed hashes of eight bytes, sorted: nobody learns a name from them, and a million paths take
eight megabytes. It speaks of one backup, by its label; of any other the index itself is asked.
"""

from __future__ import annotations

import os
import secrets
import struct
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2b
from pathlib import Path

from dr.catalog.file_index import DIRECTORY, FileEntry
from dr.catalog.manifest import Item

_NAME = "paths"
_MAGIC = b"DRPATHS1"
_HEAD = struct.Struct("<8s64s32sQ")  # magic, label, key, count


def absolute(root: str, entry: FileEntry) -> bytes:
    """Where an entry was, as bytes."""
    return os.fsencode(root).rstrip(b"/") + b"/" + entry.relative


class PathNotes:
    """The paths of one backup in the making."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)
        self._hashes = array("Q")

    def add(self, root: str, entry: FileEntry) -> None:
        """The next path; what has no content that a row could mean is left out."""
        if entry.type != DIRECTORY and not entry.unread:
            self._hashes.append(_hash(self._key, absolute(root, entry)))

    def keep(self, directory: Path, label: str) -> list[str]:
        """Write them down, the last backup's in place of the one before. What a person should know of a failure."""
        numbers = array("Q", sorted(self._hashes))
        file, new = directory / _NAME, directory / f"{_NAME}.new"
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(_HEAD.pack(_MAGIC, label.encode(), self._key, len(numbers)))
                stream.write(numbers.tobytes())
            new.replace(file)
        except OSError as error:
            return [f"the paths of this backup could not be noted: {error}"]
        return []


def noted_missing(directory: Path, label: str, items: Sequence[Item], paths: Iterable[str]) -> tuple[str, ...] | None:
    """Those of ``paths`` that the backup ``label`` has not; None when nothing (readable) is noted of it."""
    try:
        data = (directory / _NAME).read_bytes()
    except OSError:
        return None
    if len(data) < _HEAD.size:
        return None
    magic, noted, key, count = _HEAD.unpack_from(data)
    if magic != _MAGIC or noted.rstrip(b"\0").decode() != label or len(data) != _HEAD.size + 8 * count:
        return None
    numbers = memoryview(data)[_HEAD.size :].cast("Q")
    return tuple(path for path in paths if not any(_in(numbers, _hash(key, place)) for place in places(items, path)))


def listed_missing(items: Sequence[Item], entries: Iterable[FileEntry], paths: Sequence[str]) -> tuple[str, ...]:
    """The same from the index itself: ``entries`` is all of it."""
    roots = {item.name: item.detail for item in items}
    wanted: dict[bytes, list[str]] = {}
    for path in paths:
        for place in places(items, path):
            wanted.setdefault(place, []).append(path)
    found: set[str] = set()
    for entry in entries:
        if entry.type != DIRECTORY and not entry.unread:
            found.update(wanted.get(absolute(roots.get(entry.root, ""), entry), ()))
    return tuple(path for path in paths if path not in found)


def places(items: Sequence[Item], path: str) -> Iterator[bytes]:
    """Where a path that a row names may be: as it stands, or below any of the directories that were backed up.

    The directories are noted with all links in their own paths followed, so that is done to an absolute path too.
    """
    if path.startswith("/"):
        given = os.path.normpath(os.fsencode(path))
        yield given
        folder, _, name = given.rpartition(b"/")
        yield os.path.realpath(folder or b"/").rstrip(b"/") + b"/" + name
        return
    for item in items:
        yield os.path.normpath(os.fsencode(item.detail) + b"/" + os.fsencode(path))


def _hash(key: bytes, path: bytes) -> int:
    return int.from_bytes(blake2b(path, key=key, digest_size=8).digest(), "little")


def _in(numbers: Sequence[int], number: int) -> bool:
    place = bisect_left(numbers, number)
    return place < len(numbers) and numbers[place] == number
