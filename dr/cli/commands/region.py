"""What ``dr failover`` and ``dr failback`` show of their runs."""

from __future__ import annotations

from dr.cli.runners import record_of_last_run, tables_of
from dr.cli.session import Session

_TITLES = {
    "look": (("region-look", "Both regions and the stores, as they are"),),
    "failover": (
        ("region-failover", "The second region is in charge"),
        ("region-failover-phases", "Steps, in seconds"),
    ),
    "failback": (("region-failback", "The way back"),),
}


def show(session: Session, what: str) -> None:
    """The tables that the last run has published."""
    record = record_of_last_run()
    if record is None:
        return
    tables = tables_of(record)
    session.output.document["run"] = record.id
    for key, title in _TITLES[what]:
        rows = tables.get(key, [])
        session.output.table(title, rows)
        session.output.document[key] = rows
