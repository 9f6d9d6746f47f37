"""Handing the record of a run to the place where records are kept."""

from __future__ import annotations

import msgspec

from dr.operations.keep_record import keep_record
from tasks.pings import tell_ended
from tasks.run import Outcome, RunRecord
from tasks.systems import load_system


def keep(record: RunRecord) -> None:
    """Called when a run is over, however it ended. The record names the system among its parameters.

    An outside watcher is told of what is good once the record of it is kept, and of what failed in any case.
    """
    system = load_system(str(record.parameters.get("system") or ""), require_postgres=False)
    watcher = system.alerting.pings
    if record.outcome is not Outcome.COMPLETED:
        tell_ended(watcher, record)
    keep_record(system, record.id, record.begin, msgspec.json.format(msgspec.json.encode(record), indent=1))
    if record.outcome is Outcome.COMPLETED:
        tell_ended(watcher, record)
