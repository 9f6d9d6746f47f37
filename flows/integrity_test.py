"""Every day: read stored backups and WAL again, from every store, so that each is read at least once in so many days.

Storage loses bits, and lifecycle rules and people remove objects, long after a backup was proven. What this run finds
damaged is no longer shown as proven, is red from then on, and is read every day until it passes or has expired.
"""

from __future__ import annotations

from dr.operations.verify.report import IntegrityReport
from tasks.evidence import keep
from tasks.exclusive import exclusive
from tasks.reporting import show_integrity
from tasks.runner import flow
from tasks.verify import choose, read_copies, read_packs, read_wal


@flow(name="integrity-test", flow_run_name="integrity-test-{system}", when_done=keep)
def integrity_test(
    system: str = "",
    backup: str = "",
    stores: tuple[str, ...] = (),
    days: int = 14,
    wal: bool = True,
) -> IntegrityReport:
    """Read stored copies of one protected system again: fetch, hash, decrypt, unpack, list.

    Args:
        system: Name of the protected system (its ProtectedSystem block); empty for the only one.
        backup: A label, to read that backup's copies only; empty for what is due today.
        stores: With a label: only the copies in these stores; empty for all.
        days: Every copy and every WAL segment is read at least once in so many days.
        wal: Read the day's share of the WAL as well.
    """
    with exclusive(system, "verify", require_postgres=False):
        survey = choose(system, backup, days, tuple(stores))
        proofs = read_copies(system, survey.chosen)
        segments = read_wal(system, days) if wal and not backup else ()
        packs = read_packs(system, days) if not backup else ()
    report = IntegrityReport(survey, proofs, segments, packs)
    show_integrity(report)
    return report.conclude()
