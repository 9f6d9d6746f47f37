"""Ask the receiver of this host to store what it has now, instead of when the open segment is due.

Whoever recovers to a moment ago needs it: somebody has just dropped a table, and the server lives.
"""

from __future__ import annotations

import time
from pathlib import Path

from dr.catalog.lsn import Lsn
from dr.configuration.model import System
from dr.errors import BackupInvalid
from dr.operations.wal.status import ReceiverStatus, read_status, status_file

_PAUSE_SECONDS, _AGAIN_SECONDS = 0.05, 1.0


def _file(system: System) -> Path:
    return status_file(system).with_name(f"{system.name}.hurry")


def is_asked_to_hurry(system: System) -> bool:
    """For the receiver: whether somebody has asked; True once per asking."""
    try:
        _file(system).unlink()
    except FileNotFoundError:
        return False
    return True


def hurry(
    system: System, patience_seconds: float = 5.0, *, until: Lsn | None = None, timeline: int | None = None
) -> bool:
    """Return True when all that had been received is stored, or all before ``until`` (of ``timeline``) was.

    False when no receiver lives on this host, when the one that does has moved nothing for ``patience_seconds``, or
    when it belongs to another user. As long as something moves it is waited for.
    """
    status = _status(system)
    if status is None or not status.alive or (status.received_lsn is None and until is None):
        return False
    if until is not None and _has(status, until, timeline):
        return True
    file = _file(system)
    before, seen = status.updated, None
    asked = moved = time.monotonic()
    try:
        file.touch(mode=0o600)
        while time.monotonic() - moved < patience_seconds:
            status = _status(system)
            if status is not None and not status.alive:
                return False
            if status is not None and status.updated > before and not file.exists():
                until = until or status.received_lsn
                if until is not None and _has(status, until, timeline):
                    return True
                if time.monotonic() - asked > _AGAIN_SECONDS:
                    file.touch(mode=0o600)  # what has come in since the last asking is stored by another one
                    before, asked = status.updated, time.monotonic()
            now = _progress(status) if status is not None else seen
            if now != seen:
                seen, moved = now, time.monotonic()
            time.sleep(_PAUSE_SECONDS)
    except OSError:
        return False  # another user's receiver: it stores the open segment when it is due
    file.unlink(missing_ok=True)
    return False


def _has(status: ReceiverStatus, until: Lsn, timeline: int | None) -> bool:
    """Positions of two timelines are not to be compared: each goes on by itself from where they part."""
    if timeline is not None and status.stored_timeline != timeline:
        return False
    return status.stored_lsn is not None and status.stored_lsn >= until


def _progress(status: ReceiverStatus) -> tuple[object, ...]:
    """What changes while a receiver gets on with it."""
    return status.received_lsn, status.stored_timeline, status.stored_lsn, status.waiting_segments


def _status(system: System) -> ReceiverStatus | None:
    try:
        return read_status(system)
    except (BackupInvalid, OSError):
        return None
