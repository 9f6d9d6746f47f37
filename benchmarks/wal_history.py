"""A long history without a server: thousands of base backups and WAL index entries, to plan over.

Only names, manifests and index records are made. Nothing that only plans ever reads the objects behind them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from dr.catalog import labels
from dr.catalog.labels import Kind, Label
from dr.catalog.lsn import Lsn
from dr.catalog.manifest import Compression, EncryptionRecord, Manifest, ObjectRecord, Role, TableRows
from dr.catalog.manifest import to_json as manifest_json
from dr.catalog.wal_index import StoredSegment, WalBlock
from dr.catalog.wal_index import to_json as index_json
from dr.catalog.wal_names import WalGeometry

SYSTEM = "bench"
IDENTIFIER = "7300000000000000001"
_WAL = WalGeometry()
_FIRST = 256
_KEY = "0123456789ABCDEF"
_OBJECT_BYTES = 4 << 20


def history(backups: int, segments: int, end: datetime | None = None) -> Iterator[tuple[str, bytes]]:
    """Key and content of every record, the last at ``end`` (now): a segment a minute, backups evenly between."""
    last = (end or datetime.now(UTC)).replace(microsecond=0)
    begin = last - timedelta(minutes=segments)
    yield from _index(segments, begin)
    for number in range(backups):
        place = segments * number // backups
        yield from _backup(begin + timedelta(minutes=place), _FIRST + place, timedelta(seconds=number % 60))


def _index(segments: int, begin: datetime) -> Iterator[tuple[str, bytes]]:
    entries: dict[int, list[StoredSegment]] = {}
    for number in range(segments):
        segment = _WAL.segment(1, _FIRST + number)
        digest = hashlib.sha256(str(number).encode()).hexdigest()
        closed = begin + timedelta(minutes=number + 1)
        entry = StoredSegment(
            str(segment), _OBJECT_BYTES, digest, digest[::-1], closed + timedelta(seconds=1), closed, (_KEY,)
        )
        entries.setdefault(segment.log, []).append(entry)
    for log, found in entries.items():
        block = WalBlock(SYSTEM, IDENTIFIER, 1, log, _WAL.segment_bytes, tuple(found))
        yield labels.wal_block_key(SYSTEM, 1, log), index_json(block)


def _backup(when: datetime, place: int, later: timedelta) -> Iterator[tuple[str, bytes]]:
    begun = when + later
    label = Label(begun, Kind.BASE)
    position = place * _WAL.segment_bytes
    archive = labels.archive_key(SYSTEM, label, "base.tar.zst")
    digest = hashlib.sha256(archive.encode()).hexdigest()
    manifest = Manifest(
        label=str(label),
        kind=Kind.BASE,
        system=SYSTEM,
        system_identifier=IDENTIFIER,
        server_version=180004,
        begin=begun,
        end=begun + timedelta(seconds=20),
        objects=(
            ObjectRecord(archive, Role.ARCHIVE, Compression.ZSTD, None, 9, digest, 9, digest),
            ObjectRecord(
                labels.postgres_manifest_key(SYSTEM, label),
                Role.POSTGRES_MANIFEST,
                Compression.NONE,
                9,
                9,
                digest,
                9,
                digest,
            ),
        ),
        stores=("local",),
        encryption=EncryptionRecord("public-key", (_KEY,)),
        run="benchmark",
        timeline=1,
        begin_lsn=Lsn(position + 40),
        end_lsn=Lsn(position + 4096),
        server_end=begun + timedelta(seconds=20),
        table_estimates=tuple(TableRows(f"public.table_{number}", number) for number in range(20)),
    )
    yield archive, b"not read"
    yield labels.postgres_manifest_key(SYSTEM, label), b"not read"
    yield labels.manifest_key(SYSTEM, label), manifest_json(manifest)
