"""What is stored of the WAL: one small record per log file (4 GiB of WAL) and timeline, in every store its own.

A store's index speaks of that store alone. A segment counts as stored when its entry is there: it is written after the
object was read back, so an object without an entry is unfinished work and may be written again. Whoever holds the
``wal`` lease is the only writer. 100,000 segments of 16 MiB are 391 records.

Times called ``server`` are by the PostgreSQL server's clock, because recovery targets are; all others by ours.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TypeVar

import msgspec

from dr.catalog.lsn import Lsn, decode_lsn, encode_lsn
from dr.catalog.wal_names import Segment, WalGeometry
from dr.errors import BackupInvalid

FORMAT_VERSION = 1
Record = TypeVar("Record")


@dataclass(frozen=True, slots=True)
class StoredSegment:
    """A closed segment. ``plain_sha256`` is over the segment as PostgreSQL wrote it, ``stored_*`` over the object.

    Every commit that the server had acknowledged by ``server_closed_at`` lies in this segment or before it; None when
    the server could not be asked.
    """

    name: str
    stored_bytes: int
    stored_sha256: str
    plain_sha256: str
    stored_at: datetime
    server_closed_at: datetime | None = None
    keys: tuple[str, ...] = ()

    @property
    def segment(self) -> Segment:
        return Segment.parse(self.name)


@dataclass(frozen=True, slots=True)
class StoredPartial:
    """The open segment as far as it was written: the first ``valid_bytes`` are WAL, the rest zeros up to its size."""

    name: str
    valid_bytes: int
    stored_bytes: int
    stored_sha256: str
    plain_sha256: str
    stored_at: datetime
    server_closed_at: datetime | None = None
    keys: tuple[str, ...] = ()

    @property
    def segment(self) -> Segment:
        return Segment.parse(self.name)


@dataclass(frozen=True, slots=True)
class Break:
    """WAL that the source no longer had when it was asked for it (I18): no recovery passes over it."""

    begin: Lsn
    end: Lsn
    noticed_at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class WalBlock:
    """What one store holds of one log file of one timeline; segments and partials in order of their names.

    The last partial is the open segment. One before it is what there is of a segment that the source lost before it
    was closed (I18): recovery to a point inside it still works.
    """

    system: str
    system_identifier: str
    timeline: int
    log: int
    segment_bytes: int
    segments: tuple[StoredSegment, ...] = ()
    partials: tuple[StoredPartial, ...] = ()
    breaks: tuple[Break, ...] = ()
    format_version: int = FORMAT_VERSION

    @property
    def geometry(self) -> WalGeometry:
        return WalGeometry(self.segment_bytes)

    def find(self, segment: Segment) -> StoredSegment | None:
        """The entry of a closed segment."""
        name = str(segment)
        return next((item for item in self.segments if item.name == name), None)

    def find_partial(self, segment: Segment) -> StoredPartial | None:
        """The entry of a segment that is not closed."""
        name = str(segment)
        return next((item for item in self.partials if item.name == name), None)

    def with_segments(self, more: tuple[StoredSegment, ...]) -> WalBlock:
        """The same with these closed segments; what was known of their open state is dropped."""
        merged = {item.name: item for item in (*self.segments, *more)}
        partials = tuple(item for item in self.partials if item.name not in merged)
        return replace(self, segments=tuple(merged[name] for name in sorted(merged)), partials=partials)

    def with_partial(self, entry: StoredPartial) -> WalBlock:
        """The same with this state of an open segment in place of an earlier one of the same."""
        merged = {item.name: item for item in (*self.partials, entry)}
        return replace(self, partials=tuple(merged[name] for name in sorted(merged)))


@dataclass(frozen=True, slots=True)
class Ancestor:
    """One line of a history file: up to ``switch`` the WAL is that of ``timeline``."""

    timeline: int
    switch: Lsn


@dataclass(frozen=True, slots=True)
class StoredHistory:
    """A timeline's history file: parsed, and as it is, for it is small and without it no recovery crosses timelines."""

    timeline: int
    system_identifier: str
    content: str
    stored_sha256: str
    stored_bytes: int
    plain_sha256: str
    stored_at: datetime
    format_version: int = FORMAT_VERSION
    ancestors: tuple[Ancestor, ...] = field(default=())


class _Version(msgspec.Struct):
    """The one field that is read before all others; the rest is skipped, not built."""

    format_version: object = None


_version = msgspec.json.Decoder(_Version)
_block = msgspec.json.Decoder(WalBlock, dec_hook=decode_lsn)
_history = msgspec.json.Decoder(StoredHistory, dec_hook=decode_lsn)


def to_json(record: WalBlock | StoredHistory) -> bytes:
    """A record of the index as it is stored."""
    return msgspec.json.encode(record, enc_hook=encode_lsn)


def block_from_json(data: bytes, origin: str) -> WalBlock:
    """Parse one log file's record; ``origin`` names it in errors. Raises ``BackupInvalid``."""
    block = _parse(_block, data, origin)
    try:
        # The names that belong are few, and 100,000 entries are looked up faster than parsed.
        log, per_log = f"{block.timeline:08X}{block.log:08X}", block.geometry.per_log
        own = {f"{log}{part:08X}" for part in range(per_log)}
        pieces: list[StoredSegment | StoredPartial] = [*block.segments, *block.partials]
        for item in pieces:
            if item.name not in own:
                raise ValueError(f"{item.name} does not belong into it")
        if len({item.name for item in pieces}) < len(pieces):
            raise ValueError("it names a segment twice")
        times = [item.noticed_at for item in block.breaks]
        for piece in pieces:
            times += [piece.stored_at, piece.server_closed_at or piece.stored_at]
        if any(time.tzinfo is None for time in times):
            raise ValueError("a time has no zone")
    except ValueError as error:
        raise _damaged(origin, error) from error
    return block


def history_from_json(data: bytes, origin: str) -> StoredHistory:
    """Parse a timeline's record. Raises ``BackupInvalid``."""
    history = _parse(_history, data, origin)
    lines = [(item.timeline, item.switch) for item in history.ancestors]
    if sorted(lines) != lines or any(timeline >= history.timeline for timeline, _ in lines):
        raise _damaged(origin, ValueError(f"timeline {history.timeline} cannot have come from such ancestors"))
    if history.stored_at.tzinfo is None:
        raise _damaged(origin, ValueError("a time has no zone"))
    return history


def _parse(decoder: msgspec.json.Decoder[Record], data: bytes, origin: str) -> Record:
    try:
        version = _version.decode(data).format_version
        if version != FORMAT_VERSION:
            raise BackupInvalid(
                f"{origin} has WAL index format {version!r}; this program reads format {FORMAT_VERSION}",
                hint="Use the version of this program that wrote it, or restore by the repository's RESTORE.md.",
            )
        return decoder.decode(data)
    except (msgspec.DecodeError, msgspec.ValidationError, ValueError, RecursionError) as error:
        raise _damaged(origin, error) from error


def _damaged(origin: str, error: Exception) -> BackupInvalid:
    return BackupInvalid(
        f"{origin} is not a record of the WAL index",
        detail=str(error),
        hint="Another store's index may be whole; the WAL itself can be restored by hand as RESTORE.md shows.",
    )
