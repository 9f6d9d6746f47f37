"""WAL index records for tests: as few words as possible for any stretch of WAL."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from dr.catalog.lsn import Lsn
from dr.catalog.timelines import parse_history
from dr.catalog.wal_index import Break, StoredHistory, StoredPartial, StoredSegment, WalBlock
from dr.catalog.wal_names import WalGeometry

SYSTEM = "coreflow360"
IDENTIFIER = "7300000000000000001"
DAWN = datetime(2024, 1, 1, tzinfo=UTC)
WAL = WalGeometry()
SIZE = WAL.segment_bytes


def lsn(number: int, offset: int = 0) -> Lsn:
    """A position in the segment at a place."""
    return Lsn(number * SIZE + offset)


def closed_at(number: int) -> datetime:
    """The server's time at which the segment at a place was closed: one a minute."""
    return DAWN + timedelta(minutes=number + 1)


def digest(timeline: int, number: int) -> str:
    """What stands for the content of a segment."""
    return hashlib.sha256(f"{timeline}/{number}".encode()).hexdigest()


def stored(timeline: int, number: int, **other: Any) -> StoredSegment:
    """The entry of a closed segment of 1,000 stored bytes."""
    fields: dict[str, Any] = {
        "name": str(WAL.segment(timeline, number)),
        "stored_bytes": 1000,
        "stored_sha256": digest(timeline, number)[::-1],
        "plain_sha256": digest(timeline, number),
        "stored_at": closed_at(number) + timedelta(seconds=2),
        "server_closed_at": closed_at(number),
        "keys": ("0123456789ABCDEF",),
    }
    return StoredSegment(**{**fields, **other})


def partial(timeline: int, number: int, valid_bytes: int, **other: Any) -> StoredPartial:
    """The entry of an open segment; the server's time is half a minute after the one before it was closed."""
    whole = stored(timeline, number)
    fields: dict[str, Any] = {
        "name": whole.name,
        "valid_bytes": valid_bytes,
        "stored_bytes": 500,
        "stored_sha256": whole.stored_sha256,
        "plain_sha256": whole.plain_sha256,
        "stored_at": whole.stored_at,
        "server_closed_at": closed_at(number) - timedelta(seconds=30),
    }
    return StoredPartial(**{**fields, **other})


def blocks(
    timeline: int,
    numbers: Iterable[int],
    *,
    partials: Iterable[StoredPartial] = (),
    breaks: Iterable[Break] = (),
) -> list[WalBlock]:
    """The index of one timeline of one store: these closed segments, these open ones, these breaks."""
    logs: dict[int, list[StoredSegment]] = {}
    for number in numbers:
        logs.setdefault(number // WAL.per_log, []).append(stored(timeline, number))
    opened: dict[int, list[StoredPartial]] = {}
    for rest in partials:
        opened.setdefault(rest.segment.log, []).append(rest)
    noted: dict[int, list[Break]] = {}
    for item in breaks:
        noted.setdefault(WAL.at(timeline, item.begin).log, []).append(item)
    return [
        WalBlock(
            SYSTEM,
            IDENTIFIER,
            timeline,
            log,
            SIZE,
            tuple(logs.get(log, ())),
            tuple(opened.get(log, ())),
            tuple(noted.get(log, ())),
        )
        for log in sorted({*logs, *opened, *noted})
    ]


def history(timeline: int, *lines: tuple[int, Lsn]) -> StoredHistory:
    """The record of a timeline that branched off as the lines say: earlier timeline and where it ended."""
    content = "".join(f"{earlier}\t{switch}\tno recovery target specified\n" for earlier, switch in lines)
    return StoredHistory(timeline, IDENTIFIER, content, "0" * 64, 100, "1" * 64, DAWN, ancestors=parse_history(content))
