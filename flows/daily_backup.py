"""Daily backup: dump with globals and base backup, each stored everywhere, read back, then published; then expiry.

A failure of one part never stops the other: what can be made safe is made safe, and the run says what is not.
"""

from __future__ import annotations

from enum import StrEnum

from dr.catalog.labels import Kind
from dr.operations.backup_run import BackupRun, BackupSummary
from dr.operations.expire_plan import StoreExpiry
from dr.policy.base_schedule import BaseMethod
from tasks.backup import check_source, copy_cluster, dump_database, expire_local_copies, publish_backup, read_back
from tasks.evidence import keep
from tasks.exclusive import exclusive
from tasks.reporting import show_backups, show_expiry
from tasks.runner import flow


class BackupKind(StrEnum):
    """Which backups to make: the logical dump, the physical base backup, or both."""

    ALL = "all"
    DUMP = "dump"
    BASE = "base"


@flow(name="daily-backup", flow_run_name="daily-backup-{system}", when_done=keep)
def daily_backup(
    system: str = "",
    cloud: bool = True,
    retention_days: int = 0,
    kind: BackupKind = BackupKind.ALL,
    base_method: BaseMethod = BaseMethod.AUTO,
) -> BackupSummary:
    """Back up one protected system.

    Args:
        system: Name of the protected system (its ProtectedSystem block); empty for the only one.
        cloud: Store in every store of the system; off stores on this machine only.
        retention_days: Local copies older than this expire; 0 takes the system's own setting.
        kind: Dump, base backup, or both.
        base_method: Full or incremental as the retention says ("auto"), "full", or "incremental", which fails where
            only a full one is possible.
    """
    with exclusive(system, "backup", cloud=cloud) as leases:
        source = check_source(system, cloud)
        run = BackupRun(source.problems)

        # First: a drill recovers it to the snapshot of the dump that comes behind it, and compares the two.
        if kind != BackupKind.DUMP and source.physical:
            with run.part("base backup", Kind.BASE):
                draft = copy_cluster(system, cloud, base_method)
                run.add(draft, publish_backup(system, draft, read_back(system, draft)))
        elif kind == BackupKind.BASE or (kind == BackupKind.ALL and source.physical_wanted):
            run.miss("base backup", source.physical_reason, Kind.BASE)
        run.require(leases.check)

        if kind != BackupKind.BASE:
            with run.part("dump", Kind.DUMP):
                draft = dump_database(system, cloud)
                run.add(draft, publish_backup(system, draft, read_back(system, draft)))
        run.require(leases.check)

        expiry: tuple[StoreExpiry, ...] = ()
        with run.part("expiry"):
            expiry = expire_local_copies(system, retention_days, run_succeeded=run.succeeded)

    show_backups(run.made, run.problems, run.failed)
    show_expiry(expiry)
    return run.conclude(source.system)
