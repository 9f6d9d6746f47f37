"""Wait until the stores have a server's WAL up to a place on its timeline.

A receiver that has just lost its server, or found it again on a new timeline, is behind it for some seconds. Whoever
recovers "to the newest WAL" then, recovers to what happened to be there, and loses what was acknowledged.
"""

from __future__ import annotations

import time
from contextlib import suppress

from dr.catalog.labels import lease_prefix
from dr.catalog.lsn import Lsn
from dr.catalog.wal_index import StoredPartial
from dr.configuration.model import System
from dr.errors import BackupInvalid, StoreError
from dr.operations.repositories import open_repository
from dr.operations.wal.hurry import hurry
from dr.operations.wal.read_index import read_index
from dr.operations.wal.status import read_status
from dr.storage.lease_claims import survey

_PATIENCE_SECONDS = 30.0
_ASK_SECONDS = 1.0
_PAUSE_SECONDS = 0.2


def until_stored(system: System, timeline: int, end: Lsn, patience_seconds: float = _PATIENCE_SECONDS) -> Lsn | None:
    """How far the stores have that timeline: at least to ``end``, unless nothing came in for ``patience_seconds``.

    A receiver of another host cannot be asked to hurry, and gets ``wal.partial_seconds`` more. Where none is at work
    nobody is waited for. None: the stores have nothing of the timeline.
    """
    reached, moved = _reached(system, timeline, end), time.monotonic()
    while reached is None or reached < end:
        here = _is_received_here(system)
        patience = patience_seconds + (0 if here else system.wal.partial_seconds)
        if time.monotonic() - moved > patience or not (here or _is_received_elsewhere(system)):
            break
        hurry(system, _ASK_SECONDS, until=end, timeline=timeline)
        now = _reached(system, timeline, end)
        if now != reached:
            reached, moved = now, time.monotonic()
        else:
            time.sleep(_PAUSE_SECONDS)
    return reached


def _reached(system: System, timeline: int, end: Lsn) -> Lsn | None:
    """By the index: the end of the newest piece up to the segment in which ``end`` lies."""
    index = read_index(system)
    if timeline > 1 and timeline not in index.histories:
        return None  # nobody finds the way onto it
    holdings = index.holdings
    last = (end.position - 1) // holdings.geometry.segment_bytes
    number = max((number for number in holdings.numbers(timeline) if number <= last), default=None)
    piece = holdings.piece(timeline, number) if number is not None else None
    if piece is None:
        return None
    if isinstance(piece, StoredPartial):
        return Lsn(holdings.geometry.begin(piece.segment).position + piece.valid_bytes)
    return holdings.geometry.end(piece.segment)


def _is_received_here(system: System) -> bool:
    try:
        status = read_status(system)
    except (BackupInvalid, OSError):
        return False
    return status is not None and status.alive


def _is_received_elsewhere(system: System) -> bool:
    """By the lease that whoever ships WAL holds in each store."""
    for store in open_repository(system).stores.values():
        with suppress(StoreError):
            if survey(store, lease_prefix(system.name, "wal")).alive:
                return True
    return False
