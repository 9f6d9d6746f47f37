"""Is the recovered system really back? It is asked as its users and operators would, backed up, and its WAL followed.

The guide's ``verify`` and ``validate-recovery``. Stored backups are read again by ``integrity_test``.
"""

from __future__ import annotations

from dr.operations.verify_recovery import VerifiedRecovery
from tasks.evidence import keep
from tasks.reporting_recovered import show_verified
from tasks.runner import flow
from tasks.verify_recovery import ask, back_up, expect, see_wal


@flow(name="verify-recovery", flow_run_name="verify-recovery-{system}", when_done=keep)
def verify_recovery(
    system: str = "",
    against: str = "",
    may_shrink: float = 0.0,
    seconds: float = 300.0,
    backup: bool = True,
    wal: bool = True,
) -> VerifiedRecovery:
    """Verify one system that was recovered, or that somebody wants to be sure of.

    Args:
        system: Name of the protected system (its ProtectedSystem block); empty for the only one.
        against: What it is compared with: a baseline's file on the worker, the label of a backup or recovery point, or
            "none"; empty for the newest backup that lies before the recovered moment.
        may_shrink: So many percent of its rows may a table have lost on purpose since.
        seconds: How long the counting of rows, and each other question that reads tables, may take.
        backup: Take a backup of it, in every store.
        wal: See its WAL arrive in the stores.
    """
    expected = expect(system, against, may_shrink)
    found = ask(system, expected, seconds)
    found = back_up(system, found, backup)
    found = see_wal(system, found, wal)
    show_verified(found)
    found.require()
    return found
