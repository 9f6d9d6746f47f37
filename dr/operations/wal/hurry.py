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

_PAUSE_SECONDS = 0.05


def _file(system: System) -> Path:
    return status_file(system).with_name(f"{system.name}.hurry")


def is_asked_to_hurry(system: System) -> bool:
    """For the receiver: whether somebody has asked; True once per asking."""
    try:
        _file(system).unlink()
    except FileNotFoundError:
        return False
    return True


def hurry(system: System, patience_seconds: float = 5.0, *, until: Lsn | None = None) -> bool:
    """Return True when all that had been received is stored, or all before ``until`` where that is enough.

    False when no receiver of this host says so in time.
    """
    before = _status(system)
    if before is None or not before.alive or before.received_lsn is None:
        return False
    if until is not None and before.stored_lsn is not None and before.stored_lsn >= until:
        return True
    file = _file(system)
    try:
        file.touch(mode=0o600)
    except OSError:
        return False  # another user's receiver: it stores the open segment when it is due
    deadline = time.monotonic() + patience_seconds
    wanted = until
    while time.monotonic() < deadline:
        status = _status(system)
        if status is not None and status.updated > before.updated and not file.exists():
            wanted = wanted or status.received_lsn
            if wanted is not None and status.stored_lsn is not None and status.stored_lsn >= wanted:
                return True
        time.sleep(_PAUSE_SECONDS)
    file.unlink(missing_ok=True)
    return False


def _status(system: System) -> ReceiverStatus | None:
    try:
        return read_status(system)
    except (BackupInvalid, OSError):
        return None
