"""Whether WAL comes in at all: is a receiver streaming, or does the server's archive_command work? (I17)"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from dr.configuration.model import System
from dr.errors import DrError
from dr.operations.check_source import source_url
from dr.operations.wal.status import ReceiverStatus, read_status
from dr.postgres.archiving import ArchiverState, WalEnd, archiver_state, wal_position
from dr.postgres.slots import inspect_slot

_STALE = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Intake:
    """How WAL comes in now. ``wanted`` False: the configuration says that none is kept.

    ``server`` is where the server's WAL ended when it was asked, None when it did not answer. ``base_needed`` is the
    receiver's own word that only a new base backup helps.
    """

    method: str
    wanted: bool
    coming_in: bool
    server: WalEnd | None
    receiver: ReceiverStatus | None
    base_needed: str
    problems: tuple[str, ...]


def watch_intake(system: System) -> Intake:
    """Look at the receiver's state and at the server. A server that does not answer is a problem, not an error."""
    method = system.wal.method
    if method == "none" or not system.postgres.physical:
        return Intake(method, False, False, None, None, "", ())
    problems: list[str] = []
    server: WalEnd | None = None
    coming_in, trouble = False, ""
    status = read_status(system) if method == "receive" else None
    try:
        url = source_url(system)
        sample = wal_position(url, system.wal_slot)
        server = WalEnd(sample.server_time, sample.lsn) if sample else None
        if method == "archive":
            trouble = _archiver_trouble(archiver_state(url))
            coming_in = not trouble
        else:
            slot = inspect_slot(url, system.wal_slot)
            coming_in = slot is not None and slot.active
    except DrError as error:
        problems.append(f"{error.message}" + (f" ({error.detail})" if error.detail else ""))
    if method == "receive":
        trouble = _receiver_trouble(status, coming_in=coming_in, asked=not problems)
        problems += status.problems if status is not None and status.alive else ()
    if trouble:
        problems.append(trouble)
    return Intake(method, True, coming_in, server, status, status.base_needed if status else "", tuple(problems))


def _archiver_trouble(state: ArchiverState) -> str:
    if not state.archiving:
        return "no WAL comes in: the server's archive_mode is off"
    if state.failing:
        return (
            f"archive_command fails: {state.failed_count} failures so far, the last at {state.last_failed};"
            " the server's log says why"
        )
    return ""


def _receiver_trouble(status: ReceiverStatus | None, *, coming_in: bool, asked: bool) -> str:
    """What is wrong with the receiver; one on another host is seen by its slot being in use."""
    if status is not None and status.alive and datetime.now(UTC) - status.updated <= _STALE:
        return "" if coming_in or not asked else "the receiver runs, but the server streams nothing to it at the moment"
    if coming_in:
        return ""
    if status is None:
        return "no WAL comes in: no receiver has run on this host (dr wal receive) and nobody uses its slot"
    if status.alive:
        return (
            f"the receiver (process {status.pid}) has not told its state since {status.updated:%Y-%m-%d %H:%M:%S} UTC"
        )
    return f"no WAL comes in: the receiver has not run since {status.updated:%Y-%m-%d %H:%M:%S} UTC (dr wal receive)"
