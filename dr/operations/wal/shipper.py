"""Ships the spool: several segments at once, entered into the index in order, each store on its own.

A segment goes from the spool when at least one store has it *and* its entry; stores that miss it are levelled later.
An entry is never written before those of the earlier segments of its timeline that are being shipped: so the end of
the index is always the end of what is there. The same name with the same content is done already; with another
content it is refused, for one of the two is not what it says.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial as bound
from threading import BoundedSemaphore
from types import TracebackType
from typing import Self

from dr.catalog import labels
from dr.catalog.lsn import Lsn
from dr.catalog.wal_index import StoredSegment, WalBlock
from dr.catalog.wal_names import Segment, WalGeometry
from dr.crypto.gnupg import Cipher
from dr.errors import BackupInvalid, DrError, IdentityMismatch, LeaseHeld, StoreError, StoreUnavailable
from dr.operations.wal import spool as spooling
from dr.operations.wal.lanes import Lane
from dr.operations.wal.ship_segment import PlainSegment, read_segment, seal
from dr.operations.wal.spool import Listing, SpoolFile
from dr.operations.wal.travel import Travel
from dr.postgres.wal_position import WalPositions

logger = logging.getLogger(__name__)

COMMIT_SECONDS = 0.5
"""The index of a store is written at most this often."""
_MEMORY = 512 << 20


@dataclass(frozen=True, slots=True)
class Piece:
    """A segment on its way: where it was stored (by lane), or why it is not."""

    file: SpoolFile
    segment: Segment
    geometry: WalGeometry | None = None
    entries: Mapping[str, StoredSegment] = field(default_factory=dict)
    known: bool = False
    refusal: BackupInvalid | None = None
    failure: DrError | None = None


class Shipper:
    """Ships one system's spool. Use as a context manager: it ends its threads. Its methods are for one thread.

    ``stored``: the newest piece that is entered, as (segment's timeline, LSN of its end); ``refusals`` one sentence
    for each file that was moved aside.
    """

    def __init__(
        self, system: str, identifier: str, cipher: Cipher, lanes: Sequence[Lane], workers: int,
        positions: WalPositions | None = None, keep_newest: bool = False,
    ) -> None:  # fmt: skip
        self.system, self.identifier, self.cipher, self.lanes = system, identifier, cipher, tuple(lanes)
        self.positions = positions or WalPositions()
        self.keep_newest = keep_newest
        self.geometry: WalGeometry | None = None
        self.stored: tuple[int, Lsn] | None = None
        self.shipped = 0
        self.refusals: list[str] = []
        self._workers = workers
        self._at_work = BoundedSemaphore(workers)
        self._pool = ThreadPoolExecutor(workers * 3, thread_name_prefix="ship WAL")
        self.travel = Travel(workers * 3 * max(1, len(self.lanes)))
        self._done: dict[str, float] = {}

    def ready_lanes(self) -> tuple[Lane, ...]:
        """The stores that take part now; the others are asked again in the background."""
        for lane in self.lanes:
            lane.open_later()
        return tuple(lane for lane in self.lanes if lane.is_ready())

    def waiting(self, listing: Listing) -> tuple[SpoolFile, ...]:
        """The closed segments and histories of the spool that no store has yet."""
        return tuple(file for file in (*listing.histories, *listing.segments) if not self.is_done(file))

    def is_done(self, file: SpoolFile) -> bool:
        """Whether this very file was shipped and stays only because nothing newer is there."""
        return self._done.get(file.name) == file.modified

    def ship_segments(self, listing: Listing, may_go_on: Callable[[], bool] = lambda: True) -> bool:
        """Ship the closed segments, in order. False when some are left because no store took them.

        Raises ``LeaseHeld`` when another run has taken over.
        """
        todo = deque(file for file in listing.segments if not self.is_done(file))
        running: deque[Future[Piece]] = deque()
        finished: list[Piece] = []
        committed = time.monotonic()
        complete = True
        while todo or running:
            while todo and complete and len(running) < self._window(todo[0]) and may_go_on():
                running.append(self._pool.submit(self._ship, todo.popleft(), self.ready_lanes()))
            if not running:
                break
            wait([running[0]], timeout=COMMIT_SECONDS)
            while running and running[0].done():
                piece = running.popleft().result()
                if piece.failure is not None:
                    complete = False
                # Behind one that was not stored, none is entered: they stay in the spool and are shipped again.
                elif complete:
                    finished.append(piece)
            if finished and time.monotonic() - committed >= COMMIT_SECONDS:
                complete = self._commit(finished, listing) and complete
                finished, committed = [], time.monotonic()
        if finished:
            complete = self._commit(finished, listing) and complete
        return complete and not todo

    def _window(self, file: SpoolFile) -> int:
        return max(1, min(self._workers * 3, _MEMORY // max(file.size, 1)))

    def _ship(self, file: SpoolFile, lanes: tuple[Lane, ...]) -> Piece:
        """Runs in a worker: everything but the index."""
        segment = Segment.parse(file.name)
        if not lanes:
            return Piece(file, segment, failure=StoreUnavailable("no store takes part at the moment"))
        try:
            with self._at_work:
                plain = read_segment(file, segment, self.identifier)
                self.check_size(file, plain.geometry, lanes)
                if self._is_known(file, plain, lanes):
                    return Piece(file, segment, plain.geometry, known=True)
                key = labels.wal_key(self.system, segment)
                sealed = seal(plain, self.cipher, key)
            stored = self.travel.store(key, sealed, lanes)
        except BackupInvalid as error:
            return Piece(file, segment, refusal=error)
        except OSError as error:
            return Piece(file, segment, failure=StoreError(f"{file.path} cannot be read", str(error), "See its disk."))
        except DrError as error:
            return Piece(file, segment, failure=error)
        entry = StoredSegment(
            name=file.name,
            stored_bytes=len(sealed.data),
            stored_sha256=sealed.sha256,
            plain_sha256=plain.sha256,
            stored_at=datetime.now(UTC),
            server_closed_at=self.positions.closed_at(plain.geometry.end(segment)),
            keys=self.cipher.record.fingerprints,
        )
        return Piece(file, segment, plain.geometry, dict.fromkeys(stored, entry))

    def check_size(self, file: SpoolFile, geometry: WalGeometry, lanes: tuple[Lane, ...]) -> None:
        """One cluster has one size of segments: by the index, else by the first that was shipped."""
        segment = Segment.parse(file.name.removesuffix(".partial"))
        sizes = {block.segment_bytes for lane in lanes if (block := _read(lane, segment)) is not None}
        if self.geometry is not None:
            sizes.add(self.geometry.segment_bytes)
        if sizes - {geometry.segment_bytes}:
            raise BackupInvalid(
                f"{file.path} has segments of {geometry.segment_bytes} bytes, this system's have {sizes.pop()}",
                hint="Was the cluster made anew? Then it is another one and needs another system name.",
            )
        self.geometry = geometry

    def _is_known(self, file: SpoolFile, plain: PlainSegment, lanes: tuple[Lane, ...]) -> bool:
        """Whether a store has it with this content. Raises ``BackupInvalid`` when one has it with another."""
        known = False
        for lane in lanes:
            try:
                entry = lane.index.find(plain.segment)
            except StoreError as error:
                lane.fail(error)
                continue
            if entry is None:
                continue
            if entry.plain_sha256 != plain.sha256:
                raise BackupInvalid(
                    f"{file.path} is not the {file.name} that store {lane.name} has",
                    detail=f"sha256 {plain.sha256}, stored is {entry.plain_sha256} since {entry.stored_at:%F %T} UTC",
                    hint="Two servers write WAL under one name: a promoted standby and its former primary, perhaps. "
                    "Stop the one that is not in charge. The stored one was not touched.",
                )
            known = True
        return known

    def _commit(self, pieces: Sequence[Piece], listing: Listing) -> bool:
        """Enter what was stored, store by store, then let it go from the spool. False when one could not be entered."""
        entered: set[str] = set()
        geometry = next((piece.geometry for piece in pieces if piece.geometry is not None), None)
        for lane in self.lanes:
            entries = [piece.entries[lane.name] for piece in pieces if lane.name in piece.entries]
            if (
                entries
                and geometry is not None
                and self.enter(lane, bound(lane.index.add_segments, self.identifier, geometry, entries))
            ):
                entered.update(entry.name for entry in entries)
        newest = listing.newest
        for piece in pieces:
            if piece.refusal is not None:
                self.refuse(piece.file, piece.refusal)
            elif piece.known or piece.file.name in entered:
                self.shipped += not piece.known
                self._note_stored(piece)
                self._let_go(piece.file, newest)
        return all(piece.refusal or piece.known or piece.file.name in entered for piece in pieces)

    def enter(self, lane: Lane, action: Callable[[], None]) -> bool:
        """Change a lane's index; a failure is the lane's."""
        try:
            action()
            return True
        except (LeaseHeld, IdentityMismatch):
            raise
        except DrError as error:
            lane.fail(error)
            return False

    def _note_stored(self, piece: Piece) -> None:
        if piece.geometry is not None:
            self.note_stored(piece.segment.timeline, piece.geometry.end(piece.segment))

    def note_stored(self, timeline: int, end: Lsn) -> None:
        """Up to there the index goes."""
        if self.stored is None or self.stored < (timeline, end):
            self.stored = (timeline, end)

    def _let_go(self, file: SpoolFile, newest: SpoolFile | None) -> None:
        """In receive mode the newest file stays: pg_receivewal finds its place by it."""
        if self.keep_newest and newest is not None and file.name == newest.name:
            self._done = {file.name: file.modified}
            return
        with suppress(FileNotFoundError):
            file.path.unlink()

    def drop_done(self, listing: Listing) -> None:
        """Let the newest go as well, once something newer is there or it is not kept any more."""
        newest = listing.newest
        for file in listing.segments:
            if self.is_done(file) and not (self.keep_newest and newest is not None and newest.name == file.name):
                with suppress(FileNotFoundError):
                    file.path.unlink()

    def refuse(self, file: SpoolFile, error: BackupInvalid) -> None:
        """Move it aside and say so."""
        place = spooling.refuse(file)
        text = f"{file.name} was refused and lies in {place}: {error.message}" + (
            f" ({error.detail})" if error.detail else ""
        )
        logger.error("%s", text)
        self.refusals.append(text)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)
        self.travel.close()


def _read(lane: Lane, segment: Segment) -> WalBlock | None:
    try:
        return lane.index.block(segment.timeline, segment.log)
    except StoreError as error:
        lane.fail(error)
        return None
