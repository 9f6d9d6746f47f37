"""Ship what waits in the spool, unless somebody else is at it; and close the open segment where it hides commits."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from dr.catalog.lsn import Lsn
from dr.configuration.model import System
from dr.errors import DrError, LeaseHeld
from dr.operations.check_source import source_url
from dr.operations.draft import StoreFailure
from dr.operations.repositories import open_repository
from dr.operations.wal.ship_once import ship_once
from dr.operations.wal.spool import backlog, scan
from dr.operations.wal.watch_intake import Intake
from dr.postgres.archiving import WalEnd, switch_wal
from dr.storage.wal_catalogue import WalCatalogue

_IDLE = timedelta(seconds=60)
_ARCHIVE_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class CaughtUp:
    """What this run shipped, and what still waits. ``somebody_else`` names who ships instead, empty when we did.

    ``switched`` is where the open segment was closed and the server's time before, None when that was not needed.
    """

    shipped: int
    refused: tuple[str, ...]
    waiting: int
    waiting_bytes: int
    oldest_seconds: float
    somebody_else: str
    failures: tuple[StoreFailure, ...]
    switched: WalEnd | None = None
    problems: tuple[str, ...] = ()


def catch_up(system: System, intake: Intake, *, run: str) -> CaughtUp:
    """Ship the spool; with archive_command, make the server hand over what its open segment hides, and ship again."""
    done = _ship(system, run)
    if system.wal.method != "archive" or done.somebody_else or intake.server is None:
        return done
    end, stored_at = stored_end(system)
    if end is not None and intake.server.lsn <= end:
        return done
    if stored_at is not None and datetime.now(UTC) - stored_at < _IDLE:
        return done  # what is hidden is younger than a minute: the next run brings it
    return _switch_and_ship(system, done, run)


def stored_end(system: System) -> tuple[Lsn | None, datetime | None]:
    """Up to where any store has the newest timeline's WAL, and since when. Reads one record of the index a store."""
    repository = open_repository(system)
    catalogue = WalCatalogue(system.name, repository.stores.values())
    best: tuple[int, Lsn, datetime] | None = None
    for name in repository.stores:
        try:
            newest = max(catalogue.block_names(name), default=None)
            block = catalogue.read_block(name, *newest) if newest else None
        except DrError:
            continue  # the check that follows names the store
        if block is None:
            continue
        ends = [(block.timeline, block.geometry.end(item.segment), item.stored_at) for item in block.segments[-1:]]
        for rest in block.partials[-1:]:
            end = Lsn(block.geometry.begin(rest.segment).position + rest.valid_bytes)
            ends.append((block.timeline, end, rest.stored_at))
        best = max((item for item in (best, *ends) if item is not None), default=None)
    return (best[1], best[2]) if best else (None, None)


def _ship(system: System, run: str) -> CaughtUp:
    try:
        done = ship_once(system, run=run)
    except LeaseHeld as error:
        listing = scan(system.wal_spool)
        waiting = backlog((*listing.histories, *listing.segments, *listing.partials))
        return CaughtUp(0, (), waiting.files, waiting.size, waiting.oldest_seconds, error.message, ())
    return CaughtUp(
        done.shipped, done.refused, done.waiting, done.waiting_bytes, done.oldest_seconds, "", done.failures
    )


def _switch_and_ship(system: System, before: CaughtUp, run: str) -> CaughtUp:
    try:
        switched = switch_wal(source_url(system))
    except DrError as error:
        hint = "GRANT EXECUTE ON FUNCTION pg_switch_wal() TO the role, or set archive_timeout"
        return replace(before, problems=(f"the open segment cannot be closed: {error.message} ({hint})",))
    deadline = time.monotonic() + _ARCHIVE_SECONDS
    after = before
    while True:
        after = _joined(after, _ship(system, run), switched)
        end, _ = stored_end(system)
        if end is not None and end >= switched.lsn:
            return after
        if time.monotonic() > deadline:
            problem = f"the segment closed at {switched.lsn} did not come into the spool in {_ARCHIVE_SECONDS:.0f} s"
            return replace(after, problems=(problem,))
        time.sleep(0.5)


def _joined(first: CaughtUp, then: CaughtUp, switched: WalEnd) -> CaughtUp:
    return replace(
        then,
        shipped=first.shipped + then.shipped,
        refused=tuple(dict.fromkeys((*first.refused, *then.refused))),
        failures=tuple(dict.fromkeys((*first.failures, *then.failures))),
        switched=switched,
    )
