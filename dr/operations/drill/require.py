"""What a drill that is not green ends with, so that nobody overlooks it: an error for each thing that can be done."""

from __future__ import annotations

from dr.catalog.drills import DrillRecord
from dr.catalog.labels import COMPONENT_KINDS
from dr.components.registry import ROWS
from dr.errors import DrillInconclusive, ObjectiveMissed, PartialBackup, RecoveryFailed
from dr.policy.drill_verdict import Verdict


def require(record: DrillRecord, kept: str = "") -> None:
    """Raise what a drill that is not green ends with: bad backup, undecided, bad copy beside a good one, too slow."""
    what = f"the {record.method} drill of {record.label or record.system}"
    reasons = "; ".join(record.reasons)
    if record.verdict == Verdict.NOT_RECOVERABLE:
        raise RecoveryFailed(
            f"{what}: not recoverable, level {record.level} is not reached", reasons, _advice(record, kept)
        )
    if record.verdict == Verdict.INCONCLUSIVE:
        raise DrillInconclusive(
            f"{what} is inconclusive: it could not tell",
            reasons,
            "Nothing is known to be wrong with the backup. Mend on this host what is named above, and drill again.",
        )
    if record.notes:
        raise PartialBackup(
            f"{what}: recoverable, but not from every copy",
            "; ".join(record.notes),
            "Another copy was taken. See which are damaged with dr verify-backup, and make a new backup "
            f"({_backup(record)}).",
        )
    missed = _missed(record)
    if missed:
        raise ObjectiveMissed(
            f"{what}: recoverable, but {' and '.join(missed)}",
            hint="Look at the phases: dr drills. A faster disk, a store nearby, or more frequent backups help.",
        )


def _backup(record: DrillRecord) -> str:
    row = next((row for row in ROWS if row.kind == record.method), None)
    return f"dr {row.part}-backup --only {row.kind}" if row else "dr backup --cloud"


def _advice(record: DrillRecord, kept: str) -> str:
    of_component = record.method in COMPONENT_KINDS
    command = _backup(record) + ("" if of_component else " --full")
    which = f" --component {record.method}" if of_component else ""
    advice = (
        f"Do not count on this backup. Make a new one now ({command}), then read the other copies (dr verify-backup) "
        f"and drill an older one (dr drill{which} --backup LABEL)."
    )
    if kept:
        advice += (
            f" The copy lies in {kept} for you to look into; it is what was backed up, in plain: remove it afterwards."
        )
    return advice


def _missed(record: DrillRecord) -> list[str]:
    missed = []
    if record.rto_seconds is not None and record.rto_seconds > record.rto_target:
        missed.append(f"RTO {record.rto_seconds:.1f} s is over the objective of {record.rto_target:.0f} s")
    if None not in (record.rpo_seconds, record.rpo_target) and (record.rpo_seconds or 0) > (record.rpo_target or 0):
        missed.append(f"RPO {record.rpo_seconds:.1f} s is over the objective of {record.rpo_target:.0f} s")
    return missed
