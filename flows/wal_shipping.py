"""Every 15 minutes: catch up, close what hides commits, level the stores, look for gaps, prove, measure the RPO.

The receiver ships all the time; this run is the proof that it does, and the catch-up when it does not. Where the WAL is
broken off for good it makes the base backup with which the window begins anew.
"""

from __future__ import annotations

from dr.errors import DrError, SourceError
from dr.operations.wal.wal_run import WalReport
from dr.policy.base_schedule import BaseMethod
from dr.policy.objectives import Scenario
from tasks.backup import check_source, copy_cluster, publish_backup, read_back
from tasks.evidence import keep
from tasks.exclusive import exclusive
from tasks.reporting import show_wal
from tasks.runner import flow
from tasks.wal import check, level, measure, note_gaps, prove, ship, watch


@flow(name="wal-shipping", flow_run_name="wal-shipping-{system}", when_done=keep)
def wal_shipping(
    system: str = "",
    scenario: Scenario = Scenario.DATABASE_CORRUPTION,
    sample: int = 3,
) -> WalReport | None:
    """See that all WAL of one protected system is stored, and tell what a disaster now would cost.

    Args:
        system: Name of the protected system (its ProtectedSystem block); empty for the only one.
        scenario: Whose objective the RPO is held against.
        sample: How many segments of each store are read back, the newest among them.
    """
    intake = watch(system)
    if not intake.wanted:
        return None
    caught_up = ship(system, intake)
    levelled = level(system)
    checked = check(system)

    base_backup = base_problem = ""
    if checked.broken:
        try:
            base_backup = _new_base_backup(system)
        except DrError as error:
            base_problem = f"{error.message} ({error.detail})" if error.detail else error.message
        else:
            caught_up, checked = ship(system, intake), check(system)

    proof = prove(system, sample)
    lag = measure(system, scenario, intake, caught_up, checked)
    report = WalReport(intake, caught_up, levelled, checked, proof, lag, base_backup, base_problem)
    show_wal(report)
    note_gaps(system, checked)
    return report.conclude()


def _new_base_backup(system: str) -> str:
    """What the daily backup does for its base backup: from its end on, everything can be recovered again (I18)."""
    with exclusive(system, "backup"):
        source = check_source(system, cloud=True)
        if not source.physical:
            raise SourceError("this server gives no base backup", source.physical_reason)
        draft = copy_cluster(system, True, BaseMethod.AUTO)
        return publish_backup(system, draft, read_back(system, draft)).label
