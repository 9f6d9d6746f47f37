"""Every five minutes: measure, hold against the rules, and tell people what has changed.

For systems whose owners run no Prometheus; who does has the same rules there. Its runs leave no record in the stores:
there are 288 a day, and what they find is told to people.
"""

from __future__ import annotations

from dr.errors import NotDelivered
from dr.operations.alert.watch import Watched
from tasks.alerts import measure_system, show_watched, tell_watcher, watch_system
from tasks.runner import flow


@flow(name="monitoring", flow_run_name="monitoring-{system}")
def monitoring(system: str = "") -> Watched:
    """Watch over the backups of one system, and tell people what is wrong.

    Args:
        system: Name of the protected system (its ProtectedSystem block); empty for the only one.
    """
    watched = watch_system(system, measure_system(system))
    show_watched(watched)
    # Where nobody is to be told the table says what is wrong.
    unsaid = [item for item in watched.told.book.open if item.told is not None and not item.threads and not item.storm]
    if unsaid and watched.told.channels:
        raise NotDelivered(
            f"{len(unsaid)} alerts reached nobody",
            detail="; ".join(item.alert.summary for item in unsaid[:5]),
            hint="Configure channels, or correct them (dr alert test). What was not said is tried again.",
        )
    tell_watcher(system)
    return watched
