"""The spool: the directory in which WAL waits until it is stored.

``pg_receivewal`` writes into it, or the server's archive_command copies into it. Nothing leaves it before a store has
it, except what is refused: that is moved aside, loudly, and never deleted.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from dr.catalog.wal_names import (
    Segment,
    is_backup_history,
    parse_history_name,
    parse_partial_name,
    parse_segment_name,
)
from dr.errors import ConfigurationError, LeaseHeld

REFUSED = "refused"
_TEMPORARY = (".tmp", ".dr-copy")


@dataclass(frozen=True, slots=True)
class SpoolFile:
    """A file that waits. ``modified`` is in seconds since the epoch, by this host's clock."""

    path: Path
    timeline: int
    segment: Segment | None
    size: int
    modified: float

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def is_partial(self) -> bool:
        return self.name.endswith(".partial")

    @property
    def place(self) -> tuple[int, int, int, bool]:
        """Orders as pg_receivewal looks for the newest: by position, then by timeline, closed after open."""
        if self.segment is None:
            return (-1, -1, self.timeline, False)
        return (self.segment.log, self.segment.part, self.timeline, not self.is_partial)


@dataclass(frozen=True, slots=True)
class Listing:
    """What waits: histories by timeline, closed segments in order of their names, open ones by position.

    ``others`` are names that are no WAL; they are left alone.
    """

    histories: tuple[SpoolFile, ...]
    segments: tuple[SpoolFile, ...]
    partials: tuple[SpoolFile, ...]
    others: tuple[str, ...]

    @property
    def newest(self) -> SpoolFile | None:
        """The file from which pg_receivewal would go on."""
        return max((*self.segments, *self.partials), key=lambda file: file.place, default=None)


@dataclass(frozen=True, slots=True)
class Backlog:
    """Files that wait, their bytes, and the age of the oldest in seconds."""

    files: int
    size: int
    oldest_seconds: float


def make_spool(spool: Path) -> None:
    """Create the directory, private. Raises ``ConfigurationError`` where it cannot be."""
    try:
        spool.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(
            f"the WAL spool {spool} cannot be made", str(error), "Name another: wal.spool in the configuration."
        ) from error


@contextmanager
def alone_in(spool: Path) -> Iterator[None]:
    """Be the only process of this host that ships from the spool. Raises ``LeaseHeld`` when another is."""
    make_spool(spool)
    descriptor = os.open(spool, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise LeaseHeld(
                f"another process of this host is at work on the WAL spool {spool}",
                hint="It is `dr wal receive` or a shipping run: see `dr wal status`.",
            ) from error
        yield
    finally:
        os.close(descriptor)


def scan(spool: Path) -> Listing:
    """What is in the spool. The small notes that PostgreSQL archives with each base backup hold no WAL: they go."""
    histories: list[SpoolFile] = []
    segments: list[SpoolFile] = []
    partials: list[SpoolFile] = []
    others: list[str] = []
    try:
        with os.scandir(spool) as entries:
            found = [entry for entry in entries if entry.is_file(follow_symlinks=False)]
    except FileNotFoundError:
        found = []
    for entry in found:
        if is_backup_history(entry.name):
            with suppress(FileNotFoundError):
                Path(entry.path).unlink()
            continue
        file = _classified(Path(entry.path))
        if file is None:
            if not entry.name.endswith(_TEMPORARY):
                others.append(entry.name)
        elif file.segment is None:
            histories.append(file)
        else:
            (partials if file.is_partial else segments).append(file)
    return Listing(
        tuple(sorted(histories, key=lambda file: file.timeline)),
        tuple(sorted(segments, key=lambda file: file.name)),
        tuple(sorted(partials, key=lambda file: file.place)),
        tuple(sorted(others)),
    )


def _classified(path: Path) -> SpoolFile | None:
    history = parse_history_name(path.name)
    segment = parse_segment_name(path.name) or parse_partial_name(path.name)
    timeline = history if history is not None else segment.timeline if segment else None
    if timeline is None:
        return None
    try:
        status = path.stat()
    except FileNotFoundError:
        return None  # renamed since it was listed: it is seen under its new name next time
    return SpoolFile(path, timeline, segment, status.st_size, status.st_mtime)


def backlog(files: tuple[SpoolFile, ...]) -> Backlog:
    """Count, bytes and age of what waits."""
    if not files:
        return Backlog(0, 0, 0.0)
    oldest = min(file.modified for file in files)
    return Backlog(len(files), sum(file.size for file in files), max(0.0, time.time() - oldest))


def refuse(file: SpoolFile) -> Path:
    """Move a file aside, where it is kept for whoever looks into it; its new place."""
    aside = file.path.parent / REFUSED
    aside.mkdir(mode=0o700, exist_ok=True)
    place, count = aside / file.name, 0
    while place.exists():
        count += 1
        place = aside / f"{file.name}.{count}"
    file.path.rename(place)
    return place


def refused(spool: Path) -> tuple[str, ...]:
    """The names of what was ever moved aside and is still there."""
    aside = spool / REFUSED
    return tuple(sorted(item.name for item in aside.iterdir())) if aside.is_dir() else ()
