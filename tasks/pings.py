"""Telling an outside watcher how a run ended, after it has: only what was proven is told as good."""

from __future__ import annotations

from dr.configuration.alerting.pings import PingsSettings
from dr.errors import LeaseHeld
from dr.notify.ping import Event, Turn, ping
from tasks import record
from tasks.run import Outcome, RunRecord

EVENTS = {
    "daily-backup": Event.BACKUP,
    "wal-shipping": Event.WAL,
    "integrity-test": Event.VERIFICATION,
    "verification": Event.VERIFICATION,
    "restore-drill": Event.DRILL,
}
"""The procedures that prove something by themselves; a series of drills is told drill by drill."""


def tell_begun(settings: PingsSettings) -> None:
    """The run that this code is part of has begun what it is for."""
    run = record.current_record()
    event = EVENTS.get(run.flow)
    if event is not None:
        ping(settings, event, Turn.BEGUN, run.name, run.id)


def tell_ended(settings: PingsSettings, run: RunRecord) -> None:
    """How it ended. Nothing where another was at work, or where less was made than the watcher waits for."""
    event = EVENTS.get(run.flow)
    if event is None or run.error_type == LeaseHeld.__name__:
        return
    if run.outcome is not Outcome.COMPLETED:
        ping(settings, event, Turn.FAILED, f"{run.name}: {run.error_type}: {run.error}", run.id)
    elif _is_whole(run):
        ping(settings, event, Turn.GOOD, f"{run.name}: {run.seconds or 0:.0f} s", run.id)


def _is_whole(run: RunRecord) -> bool:
    """A dump alone, a copy on this host alone, one backup read again, or a system without WAL is no proof of all."""
    given, shown = run.parameters, {artifact.key for artifact in run.artifacts}
    match EVENTS[run.flow]:
        case Event.BACKUP:
            return given.get("kind", "all") == "all" and given.get("cloud") is not False and "backups" in shown
        case Event.WAL:
            return "wal-report" in shown
        case Event.VERIFICATION:
            return not given.get("backup") and given.get("wal") is not False
        case _:
            return True
