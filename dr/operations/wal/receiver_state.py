"""What the receiver tells about itself every second, put together from its parts."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from datetime import UTC, datetime

from dr.catalog.lsn import Lsn
from dr.configuration.model import System
from dr.errors import DrError
from dr.operations.wal.lanes import failures
from dr.operations.wal.shipping import Shipping
from dr.operations.wal.spool import Listing, backlog, refused, scan
from dr.operations.wal.status import ReceiverStatus, write_status
from dr.operations.wal.stream import Stream, received_end
from dr.pipeline.process_table import process_start
from dr.postgres.slots import inspect_slot
from dr.postgres.wal_position import Sample, Sampler

logger = logging.getLogger(__name__)

SMALL_KEEP = 1 << 30
"""A slot that may keep less than this is lost within minutes of load while the receiver is away."""


@dataclass(slots=True)
class ReceiverState:
    """Collects and writes the state. ``known_time`` is what the index said of its end when the receiver began."""

    system: System
    synchronous: bool
    begun: datetime
    sampler: Sampler | None
    stream: Stream | None
    shipping: Shipping
    known_time: datetime | None = None
    _last: Sample | None = None
    _keep_bytes: int | None = None
    _looked_at: int = -1
    _told_trouble: bool = False

    def tell(self) -> None:
        """Replace the status file; where that cannot be done it is logged once."""
        try:
            write_status(self.system, self.now())
            self._told_trouble = False
        except OSError as error:
            if not self._told_trouble:
                logger.warning("the receiver's state cannot be written: %s", error)
            self._told_trouble = True

    def now(self) -> ReceiverStatus:
        """The state at this moment."""
        listing = scan(self.system.wal_spool)
        shipper = self.shipping.shipper
        waiting = backlog(shipper.waiting(listing))
        sample = shipper.positions.newest
        stored = shipper.stored[1] if shipper.stored else None
        moment = shipper.positions.closed_at(stored) if stored is not None else None
        if moment is not None:
            self.known_time = moment
        return ReceiverStatus(
            pid=os.getpid(),
            alive=True,
            begun=self.begun,
            updated=datetime.now(UTC),
            synchronous=self.synchronous,
            sync_state=sample.sync_state if sample else "",
            received_lsn=_received(listing),
            stored_lsn=stored,
            stored_server_time=self.known_time,
            waiting_segments=waiting.files,
            waiting_bytes=waiting.size,
            oldest_waiting_seconds=round(waiting.oldest_seconds, 3),
            base_needed=self.shipping.base_needed,
            problems=tuple(dict.fromkeys(self._problems(sample))),
            process_start=process_start(os.getpid()),
            stored_timeline=shipper.stored[0] if shipper.stored else 0,
        )

    def _problems(self, sample: Sample | None) -> list[str]:
        told = []
        if self.stream is not None and self.stream.trouble:
            told.append(f"no WAL is received: {self.stream.trouble}")
        if self.shipping.trouble:
            told.append(self.shipping.trouble)
        told += [
            f"store {item.store} does not take part: {item.message}" for item in failures(self.shipping.shipper.lanes)
        ]
        aside = refused(self.system.wal_spool)
        if aside:
            told.append(f"{len(aside)} refused files lie in {self.system.wal_spool}/refused: {', '.join(aside[:3])}")
        told += self.shipping.conflicts
        if self.sampler is None:
            told.append("the server cannot be asked by SQL: what a target time reaches is not known")
        elif self.sampler.trouble:
            told.append(f"the server cannot be asked: {self.sampler.trouble}")
        elif sample is not None and self.stream is not None and self.stream.is_running:
            told += self._slot_problems(sample)
        return told

    def _slot_problems(self, sample: Sample) -> list[str]:
        told = []
        slot = self.system.wal_slot
        if sample.wal_status in ("unreserved", "lost"):
            told.append(
                f"the replication slot {slot} is {sample.wal_status}: the server is about to drop our WAL (I18)"
            )
        keep = self._keep()
        if keep is not None and keep < SMALL_KEEP:
            told.append(
                f"max_slot_wal_keep_size is {keep >> 20} MB: a receiver that is away for that much WAL loses the rest"
            )
        if self.synchronous and sample.sync_state not in ("sync", "quorum"):
            told.append(f"synchronous_standby_names does not name {slot}: commits do not wait for this receiver")
        return told

    def _keep(self) -> int | None:
        """max_slot_wal_keep_size, asked once for each time that the stream was begun."""
        if self.stream is not None and self._looked_at != self.stream.restarts:
            self._looked_at = self.stream.restarts
            try:
                found = inspect_slot(self.system.postgres.url, self.system.wal_slot)
            except DrError:
                return self._keep_bytes  # the sampler tells why
            self._keep_bytes = found.keep_bytes if found else None
            if found is not None and found.keep_bytes is None:
                logger.info("max_slot_wal_keep_size is -1: a receiver that stays away fills the server's disk")
        return self._keep_bytes


def _received(listing: Listing) -> Lsn | None:
    newest = listing.newest
    try:
        return received_end(newest) if newest is not None else None
    except (OSError, DrError, ValueError):
        return None  # it was closed or moved at this moment
