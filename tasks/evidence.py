"""Handing the record of a run to the place where records are kept."""

from __future__ import annotations

import msgspec

from dr.operations.keep_record import keep_record
from tasks.run import RunRecord
from tasks.systems import load_system


def keep(record: RunRecord) -> None:
    """Called when a run is over, however it ended. The record names the system among its parameters."""
    system = load_system(str(record.parameters.get("system") or ""), require_postgres=False)
    keep_record(system, record.id, record.begin, msgspec.json.format(msgspec.json.encode(record), indent=1))
