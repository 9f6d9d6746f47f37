"""Names of WAL files, and where in the WAL each lies.

PostgreSQL names a segment ``TTTTTTTTLLLLLLLLSSSSSSSS``: timeline, log file, and segment within the log file. A log file
spans 4 GiB, so how many segments it has depends on the size of a segment (16 MiB unless initdb was told otherwise).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

from dr.catalog.lsn import Lsn

LOG_BYTES = 1 << 32
DEFAULT_SEGMENT_BYTES = 16 << 20
_SEGMENT = re.compile(r"[0-9A-F]{24}")
_HISTORY = re.compile(r"([0-9A-F]{8})\.history")
_PARTIAL = re.compile(r"([0-9A-F]{24})\.partial")
_BACKUP = re.compile(r"[0-9A-F]{24}\.[0-9A-F]{8}\.backup")


@dataclass(frozen=True, slots=True, order=True)
class Segment:
    """One WAL segment by its name; orders as PostgreSQL's names do.

    >>> Segment.parse("0000000100000002000000FF")
    Segment(timeline=1, log=2, part=255)
    """

    timeline: int
    log: int
    part: int

    @classmethod
    def parse(cls, name: str) -> Self:
        """Read a segment's name; raises ValueError on anything else."""
        if not _SEGMENT.fullmatch(name) or name.startswith("00000000"):
            raise ValueError(f"not the name of a WAL segment: {name!r}")
        return cls(int(name[:8], 16), int(name[8:16], 16), int(name[16:], 16))

    def __str__(self) -> str:
        return f"{self.timeline:08X}{self.log:08X}{self.part:08X}"


@dataclass(frozen=True, slots=True)
class WalGeometry:
    """Arithmetic of segments of one cluster. ``segment_bytes`` is a power of two from 1 MiB to 1 GiB.

    >>> wal = WalGeometry()
    >>> str(wal.at(1, Lsn.parse("2/FF000028")))
    '0000000100000002000000FF'
    >>> str(wal.after(Segment.parse("0000000100000002000000FF")))
    '000000010000000300000000'
    """

    segment_bytes: int = DEFAULT_SEGMENT_BYTES

    def __post_init__(self) -> None:
        size = self.segment_bytes
        if not (1 << 20) <= size <= (1 << 30) or size & (size - 1):
            raise ValueError(f"no WAL segment has {size} bytes")

    @property
    def per_log(self) -> int:
        """Segments in one log file."""
        return LOG_BYTES // self.segment_bytes

    def number(self, segment: Segment) -> int:
        """The segment's place in the WAL, counted from LSN 0; raises ValueError when the log has no such part."""
        if segment.part >= self.per_log:
            raise ValueError(
                f"{segment} cannot be: a log file has {self.per_log} segments of {self.segment_bytes} bytes"
            )
        return segment.log * self.per_log + segment.part

    def segment(self, timeline: int, number: int) -> Segment:
        """The segment at a place counted from LSN 0."""
        return Segment(timeline, number // self.per_log, number % self.per_log)

    def at(self, timeline: int, lsn: Lsn) -> Segment:
        """The segment that holds the byte at ``lsn``."""
        return self.segment(timeline, lsn.position // self.segment_bytes)

    def begin(self, segment: Segment) -> Lsn:
        """The first byte of the segment."""
        return Lsn(self.number(segment) * self.segment_bytes)

    def end(self, segment: Segment) -> Lsn:
        """The first byte after the segment."""
        return Lsn((self.number(segment) + 1) * self.segment_bytes)

    def after(self, segment: Segment) -> Segment:
        """The next segment of the same timeline."""
        return self.segment(segment.timeline, self.number(segment) + 1)


def parse_history_name(name: str) -> int | None:
    """The timeline of ``00000002.history``; None when the file is something else."""
    match = _HISTORY.fullmatch(name)
    return int(match[1], 16) if match else None


def parse_partial_name(name: str) -> Segment | None:
    """The segment of ``0000...A3.partial``, the file that pg_receivewal writes to; None when it is something else."""
    match = _PARTIAL.fullmatch(name)
    return Segment.parse(match[1]) if match else None


def parse_segment_name(name: str) -> Segment | None:
    """The segment of a closed segment's file; None when it is something else."""
    try:
        return Segment.parse(name)
    except ValueError:
        return None


def is_backup_history(name: str) -> bool:
    """Whether it is one of the small notes that PostgreSQL archives with each base backup. They hold no WAL."""
    return _BACKUP.fullmatch(name) is not None


def history_name(timeline: int) -> str:
    """``00000002.history``"""
    return f"{timeline:08X}.history"
