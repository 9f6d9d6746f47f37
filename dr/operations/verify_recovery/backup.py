"""A backup of the recovered system: until there is one, the next disaster takes what the last one left."""

from __future__ import annotations

from dr.catalog.labels import lease_prefix
from dr.configuration.model import System
from dr.errors import DrError, LeaseHeld
from dr.operations.back_up_cluster import back_up_cluster
from dr.operations.back_up_database import back_up_database
from dr.operations.check_source import check_source
from dr.operations.prove import prove
from dr.operations.publish import Published, publish
from dr.operations.repositories import open_repository
from dr.policy.recovered_state import Finding, Said
from dr.storage.lease import Holder, hold_all

LEFT_OUT = "left out on purpose; make one soon: dr backup --cloud"
_NAME = "backup"


def back_up_recovered(system: System, *, run: str) -> tuple[Finding, str]:
    """As the daily backup does: a base backup, with which the WAL of a new timeline is worth something; a dump of a
    server that gives none. The finding, and the label where there is one.
    """
    try:
        made = _back_up(system, run)
    except LeaseHeld as error:
        detail = f"another backup is at work: {error.detail or error.message}"
        return Finding(_NAME, Said.UNPROVEN, detail, "Wait for it, then dr verify again."), ""
    except DrError as error:
        detail = " ".join(part for part in (error.message, error.detail) if part)
        return Finding(_NAME, Said.FAILED, detail, error.hint), ""
    told = f"{made.label} is in {' and '.join(made.stores)}, {made.level.replace('_', '-')}"
    if made.problems:
        detail = f"{told}; but {'; '.join(made.problems)}"
        return Finding(_NAME, Said.UNPROVEN, detail, "See dr show, mend the store, then dr backup --cloud."), made.label
    return Finding(_NAME, Said.PASSED, told), made.label


def _back_up(system: System, run: str) -> Published:
    holder = Holder.here(run, "backup")
    with hold_all(open_repository(system).stores.values(), lease_prefix(system.name, "backup"), holder) as leases:
        source = check_source(system, cloud=True)
        if source.physical:
            draft = back_up_cluster(system, run=run, cloud=True)
        else:
            draft = back_up_database(system, run=run, cloud=True)
        leases.check()
        return publish(system, draft, prove(system, draft, run=run))
