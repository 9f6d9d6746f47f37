"""Look into the WAL itself, where the index cannot tell: where a transaction or a restore point is, and how late the
last commit was.

Pieces are fetched in batches, several at a time, and dumped by ``pg_waldump``. Batches overlap by one segment: a record
may begin in one and end in the next.
"""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from dr.catalog.wal_names import Segment
from dr.configuration.model import System
from dr.crypto.gnupg import opened
from dr.operations.check_source import bin_directories
from dr.operations.repositories import open_repository
from dr.operations.wal.fetch import STEP, PieceFetcher
from dr.operations.wal.read_index import WalIndex
from dr.pipeline.launch import Account
from dr.policy.recovery_point import Located, WalPiece
from dr.policy.wal_coverage import Piece
from dr.postgres.installations import Installation, client_for
from dr.postgres.waldump import TransactionEnd, last_commit, restore_points, transaction_ends
from dr.progress import reporter

logger = logging.getLogger(__name__)

BATCH = 16
TAIL = 64
"""The last commit is looked for in this many of the last pieces; an idle server switches segments without commits."""
_XID_MASK = 0xFFFFFFFF
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class WalSearch:
    """Fetches pieces into a directory of its own and asks them. Made by ``searching``."""

    index: WalIndex
    fetcher: PieceFetcher
    directory: Path
    installation: Installation

    def transaction(self, pieces: Sequence[Piece], xid: int) -> Located | None:
        """Where transaction ``xid`` ended, searched from the oldest piece on; None when it did not."""

        def look(first: Path, last: Path) -> Located | None:
            for item in transaction_ends(self.installation, first, last):
                if item.xid == xid & _XID_MASK:
                    return Located(item.lsn, item.time, "" if item.committed else f"transaction {xid} was rolled back")
            return None

        return self._first(pieces, look)

    def restore_point(self, pieces: Sequence[Piece], name: str) -> Located | None:
        """Where the restore point is, searched from the oldest piece on; its time is that of the commit before it."""

        def look(first: Path, last: Path) -> Located | None:
            for point in restore_points(self.installation, first, last):
                if point.name == name:
                    before = [e for e in transaction_ends(self.installation, first, last) if e.lsn < point.lsn]
                    return Located(point.lsn, before[-1].time if before else None)
            return None

        return self._first(pieces, look)

    def last_commit(self, pieces: Sequence[Piece]) -> datetime | None:
        """The time of the last commit in the pieces, searched from the newest one back."""
        place = len(pieces)
        size = 1
        while place > 0 and len(pieces) - place < TAIL:
            begin = max(0, place - size)
            with self._laid_out(pieces[begin : place + 1]) as files:
                found = last_commit(self.installation, files[0], files[-1])
            if found is not None:
                return found.time
            place, size = begin, min(BATCH, size * 2)
        return None

    def commits(self, pieces: Sequence[WalPiece]) -> list[TransactionEnd]:
        """Every commit in a few pieces that follow each other, in the order of the WAL."""
        if not pieces:
            return []
        with self._laid(pieces) as files:
            return [item for item in transaction_ends(self.installation, files[0], files[-1]) if item.committed]

    def _first(self, pieces: Sequence[Piece], look: Callable[[Path, Path], Answer | None]) -> Answer | None:
        watcher = reporter()
        watcher.begin(STEP, sum(piece.stored_bytes for piece in pieces))
        try:
            for begin in range(0, len(pieces), BATCH):
                batch = pieces[begin : begin + BATCH + 1]
                logger.info("looking into WAL %s to %s", batch[0].name, batch[-1].name)
                with self._laid_out(batch) as files:
                    found = look(files[0], files[-1])
                if found is not None:
                    return found
        finally:
            watcher.end(STEP)
        return None

    @contextmanager
    def _laid_out(self, pieces: Sequence[Piece]) -> Iterator[list[Path]]:
        """The pieces as files in a row, all named as of the last one's timeline."""
        with self._laid(self.index.with_copies(pieces)[0]) as files:
            yield files

    @contextmanager
    def _laid(self, found: Sequence[WalPiece]) -> Iterator[list[Path]]:
        timeline = Segment.parse(found[-1].name).timeline
        with tempfile.TemporaryDirectory(dir=self.directory) as place:
            with ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="WAL") as pool:
                files = list(pool.map(self.fetcher.fetch, found))
            laid = []
            for piece, file in zip(found, files, strict=True):
                segment = Segment.parse(piece.name)
                name = str(Segment(timeline, segment.log, segment.part))
                laid.append(file.rename(Path(place) / name))
            yield laid


@contextmanager
def searching(system: System, index: WalIndex, server_major: int) -> Iterator[WalSearch]:
    """A search over the system's stored WAL; its directory is removed afterwards."""
    installation = client_for(server_major, bin_directories(system))
    system.state_directory.mkdir(parents=True, exist_ok=True)
    directory = Path(tempfile.mkdtemp(prefix="wal-search-", dir=system.state_directory))
    try:
        with opened(system.encryption) as cipher:
            stores = open_repository(system).stores
            size = index.holdings.geometry.segment_bytes
            fetcher = PieceFetcher(stores, cipher, directory, size, Account())
            yield WalSearch(index, fetcher, directory, installation)
    finally:
        shutil.rmtree(directory, ignore_errors=True)
