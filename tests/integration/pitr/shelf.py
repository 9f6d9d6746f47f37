"""A server that archives its WAL into a directory, and the small shelf from which tests put that WAL into stores.

Shipping has tests of its own. Here every object and every entry of the index can be made as a test wants it: late,
partial, missing, damaged.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import zstandard

from dr.catalog import labels
from dr.catalog.lsn import Lsn
from dr.catalog.timelines import parse_history
from dr.catalog.wal_index import StoredHistory, StoredPartial, StoredSegment, WalBlock
from dr.catalog.wal_names import Segment, WalGeometry, parse_history_name, parse_segment_name
from dr.configuration.model import System
from dr.crypto.gnupg import Cipher, opened
from dr.operations.repositories import open_repository
from dr.postgres.cluster import Recipe, Server, running
from dr.postgres.connection import connected
from dr.postgres.inspection import scalar
from dr.postgres.installations import Installation
from dr.storage.wal_catalogue import WalCatalogue

SIZE = 16 << 20
WAL = WalGeometry(SIZE)


@dataclass(frozen=True, slots=True)
class Moment:
    """A committed row: its transaction, when it was committed, and where the WAL was before and after."""

    id: int
    xid: int
    time: datetime
    before: Lsn
    after: Lsn


@dataclass(slots=True)
class Primary:
    """The server, what it archives, and samples of its clock against its WAL, as the receiver takes them."""

    server: Server
    archive: Path
    samples: list[tuple[datetime, Lsn]] = field(default_factory=list)

    def sample(self) -> None:
        """The server's time, then its position: all that was committed by then lies before it."""
        with connected(self.server.url) as connection:
            row = connection.execute("SELECT clock_timestamp() AS t, pg_current_wal_flush_lsn()::text AS l").fetchone()
        assert row is not None
        self.samples.append((row["t"].astimezone(UTC), Lsn.parse(row["l"])))

    def closed_at(self, end: Lsn) -> datetime | None:
        """The newest moment whose commits all lie before ``end``."""
        return max((time for time, lsn in self.samples if lsn <= end), default=None)

    def commit(self, count: int = 1) -> list[Moment]:
        """Rows committed one by one."""
        made = []
        committed = "SELECT pg_xact_commit_timestamp('{}'::xid)::text"
        with connected(self.server.url) as connection:
            for _ in range(count):
                before = scalar(connection, "SELECT pg_current_wal_insert_lsn()::text")
                row = connection.execute(
                    "INSERT INTO moments DEFAULT VALUES RETURNING id, pg_current_xact_id()::text AS xid"
                ).fetchone()
                after = scalar(connection, "SELECT pg_current_wal_insert_lsn()::text")
                assert row is not None
                time = datetime.fromisoformat(str(scalar(connection, committed.format(row["xid"]))))
                lsns = Lsn.parse(str(before)), Lsn.parse(str(after))
                made.append(Moment(row["id"], int(row["xid"]), time.astimezone(UTC), *lsns))
        self.sample()
        return made

    def prepare(self) -> None:
        """The table of moments."""
        with connected(self.server.url) as connection:
            connection.execute("CREATE TABLE moments (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY)")

    def execute(self, statement: str) -> None:
        """One statement, in a transaction of its own."""
        with connected(self.server.url) as connection:
            connection.execute(statement)

    def position(self) -> tuple[int, Lsn]:
        """Timeline and flushed LSN."""
        with connected(self.server.url) as connection:
            name = scalar(connection, "SELECT pg_walfile_name(pg_current_wal_flush_lsn())")
            lsn = scalar(connection, "SELECT pg_current_wal_flush_lsn()::text")
        return int(str(name)[:8], 16), Lsn.parse(str(lsn))

    def switch(self) -> Segment:
        """Close the open segment and wait until it is archived; which it was."""
        with connected(self.server.url) as connection:
            name = str(scalar(connection, "SELECT pg_walfile_name(pg_switch_wal())"))
        wait = threading.Event()
        for _ in range(600):
            if (self.archive / name).exists():
                return Segment.parse(name)
            wait.wait(0.05)
        raise AssertionError(f"{name} was not archived")


@contextmanager
def primary(
    data: Path, installation: Installation, archive: Path, more: Mapping[str, str] | None = None
) -> Iterator[Primary]:
    """Run a cluster that archives."""
    archive.mkdir(exist_ok=True)
    settings = {
        "wal_level": "replica",
        "archive_mode": "on",
        "archive_command": f"cp %p '{archive}/%f.tmp' && mv '{archive}/%f.tmp' '{archive}/%f'",
        "track_commit_timestamp": "on",
        "max_prepared_transactions": "4",
        "fsync": "off",
        **(more or {}),
    }
    with running(data, installation, Recipe(settings)) as server:
        yield Primary(server, archive)


def _encrypted(cipher: Cipher, data: bytes, name: str) -> bytes:
    with cipher.encryptor(name) as gpg:
        packed = zstandard.ZstdCompressor(level=1).compress(data)
        feeder = threading.Thread(target=lambda: (gpg.stdin.write(packed), gpg.stdin.close()))
        feeder.start()
        stored = gpg.stdout.read()
        feeder.join()
        assert gpg.wait(30).ok
    return stored


def put_archive(system: System, origin: Primary, *, only: Iterable[str] = (), leave_out: Iterable[str] = ()) -> None:
    """Store what the server has archived, in every store: closed segments and history files."""
    catalogue = WalCatalogue(system.name, open_repository(system).stores.values())
    with opened(system.encryption) as cipher:
        for file in sorted(origin.archive.iterdir()):
            if (only and file.name not in only) or file.name in leave_out:
                continue
            segment, timeline = parse_segment_name(file.name), parse_history_name(file.name)
            if segment is not None:
                put_segment(catalogue, cipher, segment, file.read_bytes(), origin.closed_at(WAL.end(segment)))
            elif timeline is not None:
                put_history(catalogue, cipher, timeline, file.read_bytes())


def put_segment(
    catalogue: WalCatalogue, cipher: Cipher, segment: Segment, plain: bytes, closed_at: datetime | None
) -> None:
    """One closed segment and its entry, in every store, unless it is there."""
    stored: bytes | None = None
    for name, store in catalogue.stores.items():
        block = _block(catalogue, name, segment)
        if block.find(segment) is not None:
            continue
        stored = stored or _encrypted(cipher, plain, str(segment))
        store.put_bytes(labels.wal_key(catalogue.system, segment), stored)
        entry = StoredSegment(
            str(segment),
            len(stored),
            _sha(stored),
            _sha(plain),
            datetime.now(UTC),
            closed_at,
            cipher.record.fingerprints,
        )
        catalogue.write_block(name, block.with_segments((entry,)))


def put_partial(system: System, origin: Primary) -> StoredPartial:
    """The open segment as it is now, in every store."""
    origin.sample()
    timeline, lsn = origin.position()
    segment, valid = WAL.at(timeline, lsn), lsn.position % SIZE
    plain = (origin.server.data_directory / "pg_wal" / str(segment)).read_bytes()[:valid]
    catalogue = WalCatalogue(system.name, open_repository(system).stores.values())
    with opened(system.encryption) as cipher:
        stored = _encrypted(cipher, plain, str(segment))
    entry = StoredPartial(
        str(segment), valid, len(stored), _sha(stored), _sha(plain), datetime.now(UTC), origin.closed_at(lsn)
    )
    for name, store in catalogue.stores.items():
        store.put_bytes(labels.wal_partial_key(system.name, segment, valid), stored)
        catalogue.write_block(name, _block(catalogue, name, segment).with_partial(entry))
    return entry


def put_history(catalogue: WalCatalogue, cipher: Cipher, timeline: int, plain: bytes) -> None:
    """A history file and its record, in every store."""
    stored = _encrypted(cipher, plain, f"{timeline:08X}.history")
    for name, store in catalogue.stores.items():
        store.put_bytes(labels.wal_history_key(catalogue.system, timeline), stored)
        text = plain.decode()
        catalogue.write_history(
            name,
            StoredHistory(
                timeline, "1", text, _sha(stored), len(stored), _sha(plain), datetime.now(UTC),
                ancestors=parse_history(text),
            ),
        )  # fmt: skip


def forget(system: System, segments: Sequence[Segment], *stores: str) -> None:
    """Take segments out of the index, of all stores or of some."""
    catalogue = WalCatalogue(system.name, open_repository(system).stores.values())
    for name in stores or tuple(catalogue.stores):
        for segment in segments:
            block = _block(catalogue, name, segment)
            kept = tuple(item for item in block.segments if item.name != str(segment))
            catalogue.write_block(name, replace(block, segments=kept))


def _block(catalogue: WalCatalogue, store: str, segment: Segment) -> WalBlock:
    found = catalogue.read_block(store, segment.timeline, segment.log)
    return found or WalBlock(catalogue.system, "1", segment.timeline, segment.log, SIZE)


def _sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
