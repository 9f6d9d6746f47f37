"""How far the stored WAL is behind, what waits on this host, and how far back a recovery reaches."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from dr.configuration.model import System
from dr.errors import DrError
from dr.operations.check_source import source_url
from dr.operations.wal.catch_up import stored_end
from dr.operations.wal.gone import gone_segments
from dr.operations.wal.status import ReceiverStatus, read_status
from dr.operations.wal.window import find_window
from dr.policy.metric import Sample, Unmeasured, sample
from dr.postgres.archiving import WalEnd, wal_position

METRICS = (
    "wal_lag_seconds",
    "wal_backlog_segments",
    "wal_backlog_bytes",
    "wal_backlog_age_seconds",
    "wal_receiver_up",
    "wal_store_lacking_segments",
    "wal_store_lacking_seconds",
    "pitr_window_seconds",
    "pitr_window_gaps",
)


def measure_wal(system: System, now: datetime) -> Iterator[Sample | Unmeasured]:
    """Nothing where the system ships no WAL. Raises the first StoreError when no store answers."""
    if system.wal.method == "none" or not system.postgres.physical:
        return
    name = system.name
    found = find_window(system, gone_segments(system, now))
    whole = found.together
    newest = [whole.newest] if whole.newest else []
    status = read_status(system)
    if status is not None:
        yield sample("wal_receiver_up", status.alive, name)
        yield sample("wal_backlog_segments", status.waiting_segments, name)
        yield sample("wal_backlog_bytes", status.waiting_bytes, name)
        yield sample("wal_backlog_age_seconds", _waiting(status, now), name)
        if status.alive and status.stored_server_time is not None:
            newest.append(status.stored_server_time)
    yield sample("wal_lag_seconds", _lag(system, newest, now), name)
    if whole.oldest is not None and whole.newest is not None:
        yield sample("pitr_window_seconds", (whole.newest - whole.oldest).total_seconds(), name)
    gaps = len(whole.holes) + bool(whole.broken)
    # What is missing may be in a store that does not answer.
    yield Unmeasured("pitr_window_gaps") if gaps and found.silent else sample("pitr_window_gaps", gaps, name)
    for store, _ in found.silent:
        yield Unmeasured("wal_store_lacking_segments", store)
        yield Unmeasured("wal_store_lacking_seconds", store)
    for item in found.stores:
        age = (now - item.lacking_since).total_seconds() if item.lacking_since else 0.0
        yield sample("wal_store_lacking_segments", item.lacking, name, item.store)
        yield sample("wal_store_lacking_seconds", age, name, item.store)


def _waiting(status: ReceiverStatus, now: datetime) -> float:
    """What waited when the receiver last told its state has grown older since: one that was killed tells no more."""
    if not status.waiting_segments:
        return 0.0
    return status.oldest_waiting_seconds + max(0.0, (now - status.updated).total_seconds())


def _lag(system: System, newest: list[datetime], now: datetime) -> float:
    """Nothing is behind while the server has written nothing more than is stored: an idle one is no alarm."""
    here = _server(system)
    end, _ = stored_end(system)
    if here is not None and end is not None and here.lsn <= end:
        return 0.0
    clock = here.server_time if here is not None else now
    return max(0.0, (clock - max(newest)).total_seconds()) if newest else float("inf")


def _server(system: System) -> WalEnd | None:
    if not system.postgres.configured:
        return None
    try:
        found = wal_position(source_url(system), system.wal_slot)
    except DrError:
        return None  # then the age of what is stored counts, by this host's clock
    return WalEnd(found.server_time, found.lsn) if found else None
