"""Ship what there is of open segments: at most ``partial_seconds`` of WAL are then in the spool alone.

Only the newest file of the spool is being written. Any other ``.partial`` is the end of a timeline, or of what came
before a break: it is shipped once more as it is, and goes.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial as bound

from dr.catalog import labels
from dr.catalog.lsn import Lsn
from dr.catalog.wal_index import StoredPartial
from dr.catalog.wal_names import parse_partial_name
from dr.errors import BackupInvalid, DrError, IdentityMismatch, LeaseHeld, StoreError
from dr.operations.wal.lanes import Lane
from dr.operations.wal.ship_segment import PlainPartial, read_partial, seal
from dr.operations.wal.shipper import Shipper
from dr.operations.wal.spool import Listing, SpoolFile

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class OpenSegments:
    """Ships partials through a shipper. ``being_written``: pg_receivewal has the newest one open."""

    shipper: Shipper

    def ship(self, listing: Listing, *, being_written: bool) -> bool:
        """Ship each that has grown. False when one could not be stored."""
        complete = True
        for file in listing.partials:
            finished = not (being_written and listing.newest is not None and file.name == listing.newest.name)
            keep = listing.newest is not None and file.name == listing.newest.name and self.shipper.keep_newest
            try:
                stored = self._ship(file)
            except BackupInvalid as error:
                if finished:
                    self.shipper.refuse(file, error)
                else:
                    logger.warning("%s", error)
                continue
            except (LeaseHeld, IdentityMismatch):
                raise
            except (DrError, OSError) as error:
                logger.warning("%s could not be shipped: %s", file.name, error)
                stored = False
            if stored and finished and not keep:
                with suppress(FileNotFoundError):
                    file.path.unlink()
            complete = complete and stored
        return complete

    def _ship(self, file: SpoolFile) -> bool:
        """Whether at least one store has all of it."""
        segment = parse_partial_name(file.name)
        shipper = self.shipper
        lanes = shipper.ready_lanes()
        if segment is None or not file.path.exists():
            return True  # it was closed since the directory was read
        piece = read_partial(file, segment, shipper.identifier, self._floor(file.timeline))
        if piece is None:
            return True
        if not lanes:
            return False
        shipper.check_size(file, piece.geometry, lanes)
        missing = [lane for lane in lanes if not _has(lane, piece)]
        if not missing:
            return True
        return self._store(piece, missing) or len(missing) < len(lanes)

    def _floor(self, timeline: int) -> int:
        """What the server was told that was written is in the file, even where it ends in zeros."""
        newest = self.shipper.positions.newest
        if newest is None or newest.write_lsn is None or newest.timeline not in (None, timeline):
            return 0
        return newest.write_lsn.position

    def _store(self, piece: PlainPartial, lanes: list[Lane]) -> bool:
        shipper = self.shipper
        count = len(piece.data)
        end = Lsn(piece.geometry.begin(piece.segment).position + count)
        # The moment is taken first: what is sampled while the object travels is not in it.
        closed_at = shipper.positions.closed_at(end)
        key = labels.wal_partial_key(shipper.system, piece.segment, count)
        sealed = seal(piece, shipper.cipher, key)
        stored = shipper.travel.store(key, sealed, lanes)
        entry = StoredPartial(
            name=str(piece.segment),
            valid_bytes=count,
            stored_bytes=len(sealed.data),
            stored_sha256=sealed.sha256,
            plain_sha256=piece.sha256,
            stored_at=datetime.now(UTC),
            server_closed_at=closed_at,
            keys=shipper.cipher.record.fingerprints,
        )
        entered = False
        for lane in lanes:
            if lane.name in stored:
                enter = bound(lane.index.set_partial, shipper.identifier, piece.geometry, entry)
                entered = shipper.enter(lane, enter) or entered
        if entered:
            shipper.note_stored(piece.segment.timeline, end)
        return entered


def _has(lane: Lane, piece: PlainPartial) -> bool:
    """Whether the store has this much of the segment, or all of it."""
    try:
        known = lane.index.partial(piece.segment)
        return lane.index.find(piece.segment) is not None or (
            known is not None and known.valid_bytes >= len(piece.data)
        )
    except StoreError as error:
        lane.fail(error)
        return False
