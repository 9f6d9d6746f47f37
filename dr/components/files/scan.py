"""Walking a directory of uploads: every path once, in order, and never through a symbolic link.

Whoever may upload may rename: a directory is opened without following links, and its files are opened relative to it.
"""

from __future__ import annotations

import fnmatch
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass

_GONE = (FileNotFoundError, NotADirectoryError)
_OPEN = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Rules:
    """What is left out. Patterns with a slash are compared with the path below the root, others with each name."""

    exclude: tuple[str, ...] = ()
    cross_file_systems: bool = False

    def leave_out(self, relative: str, name: str) -> bool:
        """Whether this path, and what is below it, is not backed up."""
        return any(fnmatch.fnmatchcase(relative if "/" in one else name, one.rstrip("/")) for one in self.exclude)


@dataclass(slots=True)
class Tally:
    """What was met and is not in the backup. ``vanished``: removed while we looked, which is normal.

    ``unknown``: of which the file system would not even tell what it is, so that the index cannot name it.
    """

    vanished: int = 0
    unknown: int = 0
    excluded: int = 0
    mounts: int = 0


@dataclass(frozen=True, slots=True)
class Seen:
    """One path. ``name`` is to be opened relative to the descriptor ``directory``, which is open until the next one.

    ``trouble`` says why a directory could not be listed.
    """

    relative: bytes
    path: bytes
    status: os.stat_result
    name: str = ""
    directory: int = -1
    trouble: str = ""


def walk(root: bytes, rules: Rules, tally: Tally) -> Iterator[Seen]:
    """The root first, then everything below it, a directory before what it holds."""
    device = os.lstat(root).st_dev
    waiting = [b""]
    while waiting:
        relative = waiting.pop()
        path = root + b"/" + relative if relative else root
        try:
            descriptor = os.open(path, _OPEN)
        except OSError as error:
            yield from _unlistable(relative, path, error, tally)
            continue
        try:
            status = os.fstat(descriptor)
            if status.st_dev != device and not rules.cross_file_systems:
                tally.mounts += 1
                yield Seen(relative, path, status)
                continue
            try:
                entries = sorted(os.scandir(descriptor), key=lambda entry: entry.name)
            except OSError as error:
                yield Seen(relative, path, status, trouble=error.strerror or str(error))
                continue
            yield Seen(relative, path, status)
            below: list[bytes] = []
            yield from _entries(entries, descriptor, relative, path, rules, tally, below)
            waiting += reversed(below)
        finally:
            os.close(descriptor)


def _entries(
    entries: list[os.DirEntry[str]],
    descriptor: int,
    relative: bytes,
    path: bytes,
    rules: Rules,
    tally: Tally,
    below: list[bytes],
) -> Iterator[Seen]:
    """What one directory holds; the directories among it are put into ``below``."""
    shown = os.fsdecode(relative) + "/" if relative and rules.exclude else ""
    for entry in entries:
        name = os.fsencode(entry.name)
        if rules.exclude and rules.leave_out(shown + entry.name, entry.name):
            tally.excluded += 1
            continue
        try:
            status = entry.stat(follow_symlinks=False)
        except _GONE:
            tally.vanished += 1
            continue
        except OSError:
            tally.unknown += 1
            continue
        inner = relative + b"/" + name if relative else name
        if stat.S_ISDIR(status.st_mode):
            below.append(inner)
        else:
            yield Seen(inner, path + b"/" + name, status, entry.name, descriptor)


def _unlistable(relative: bytes, path: bytes, error: OSError, tally: Tally) -> Iterator[Seen]:
    """A directory that does not open: it is gone, or is now something else, or we may not look into it."""
    if isinstance(error, _GONE):
        tally.vanished += 1
        return
    try:
        status = os.lstat(path)
    except _GONE:
        tally.vanished += 1
    except OSError:
        tally.unknown += 1
    else:
        if stat.S_ISDIR(status.st_mode):
            yield Seen(relative, path, status, trouble=error.strerror or str(error))
        else:
            tally.vanished += 1
