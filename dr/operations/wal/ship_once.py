"""Ship what is in the spool now and say what is left: catch-up of the ``wal_shipping`` flow, and ``dr wal ship``."""

from __future__ import annotations

from dataclasses import dataclass

from dr.configuration.model import System
from dr.crypto.gnupg import opened
from dr.operations.draft import StoreFailure
from dr.operations.repositories import open_repository
from dr.operations.wal.lanes import failures, open_lanes, require_any
from dr.operations.wal.ship_history import HistoryFiles
from dr.operations.wal.ship_partial import OpenSegments
from dr.operations.wal.shipper import Shipper
from dr.operations.wal.spool import alone_in, backlog, scan
from dr.operations.wal.whose_wal import expected_identifier
from dr.storage.lease import Holder


@dataclass(frozen=True, slots=True)
class ShipSummary:
    """What was shipped, what was refused (file and reason), what still waits, and which stores did not take part.

    ``oldest_seconds`` is the age of the oldest waiting file, 0 when none waits.
    """

    shipped: int
    refused: tuple[str, ...]
    waiting: int
    waiting_bytes: int
    oldest_seconds: float
    failures: tuple[StoreFailure, ...]


def ship_once(system: System, *, run: str) -> ShipSummary:
    """Ship every file of the spool. Takes the ``wal`` lease: raises ``LeaseHeld`` while a receiver has it.

    Raises as well when no store takes part, or the repository is another cluster's.
    """
    repository = open_repository(system)
    spool = system.wal_spool
    with alone_in(spool):
        identifier = expected_identifier(system, repository)
        holder = Holder.here(run, "ship WAL")
        with open_lanes(repository, holder, identifier) as lanes, opened(system.encryption) as cipher:
            require_any(lanes)
            keep = system.wal.method == "receive"
            with Shipper(system.name, identifier, cipher, lanes, system.wal.workers, keep_newest=keep) as shipper:
                listing = scan(spool)
                HistoryFiles(shipper).ship(listing)
                if shipper.ship_segments(listing):
                    OpenSegments(shipper).ship(scan(spool), being_written=False)
                left = scan(spool)
                waiting = backlog(shipper.waiting(left))
                return ShipSummary(
                    shipped=shipper.shipped,
                    refused=tuple(shipper.refusals),
                    waiting=waiting.files,
                    waiting_bytes=waiting.size,
                    oldest_seconds=waiting.oldest_seconds,
                    failures=failures(lanes),
                )
