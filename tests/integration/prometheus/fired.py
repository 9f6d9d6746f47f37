"""How each rule is fired in a real Prometheus: in which act of the story, and by what.

Whoever adds a rule adds a line here, or a test fails; and the rule has to fire in that act and to be over after it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Act(StrEnum):
    """``FAULTS`` are made and mended at once; then all stores are ``GONE`` for a while; ``LATER`` the exporter's clock
    is 85 days ahead, and something is broken besides; in the ``SILENCE`` it is killed.
    """

    FAULTS = "faults"
    GONE = "gone"
    LATER = "later"
    SILENCE = "silence"


@dataclass(frozen=True, slots=True)
class Fired:
    """``by_clock``: no fault could do it within minutes, only time, which the exporter is told has passed."""

    rule: str
    act: Act
    fault: str
    by_clock: bool = False


FIRED: tuple[Fired, ...] = (
    Fired("drill-overdue", Act.FAULTS, "nothing was ever drilled"),
    Fired("receiver-down", Act.FAULTS, "the receiver was killed"),
    Fired("storage-critical", Act.FAULTS, "a file fills a store's disk"),
    Fired("corruption-detected", Act.FAULTS, "a byte of a copy was turned, and the copy read again"),
    Fired("store-silent", Act.FAULTS, "a store's directory is gone"),
    Fired("rows-dropped", Act.FAULTS, "most rows of a table were deleted before the backup"),
    Fired("size-too-small", Act.FAULTS, "the dump after that"),
    Fired("size-too-large", Act.FAULTS, "the incremental base backup after that: every page of the table has changed"),
    Fired("run-failed", Act.FAULTS, "the test of the alert path failed: one channel is not enough"),
    Fired("alert-path", Act.FAULTS, "only one channel took that test"),
    Fired("pitr-broken", Act.FAULTS, "a WAL segment was removed from every store"),
    Fired("key-ending", Act.FAULTS, "the key that is configured ends in 20 days"),
    Fired("key-rotation-failed", Act.FAULTS, "that key was configured, and nothing is encrypted to it"),
    Fired("schedule-inactive", Act.FAULTS, "a deployment was paused"),
    Fired("runs-late", Act.FAULTS, "a run was due 20 minutes ago, and there is no worker"),
    Fired("measurements-are-old", Act.FAULTS, "the textfile for node exporter is 20 minutes old"),
    Fired("backups-not-measured", Act.GONE, "no store answers"),
    Fired("not-measured", Act.GONE, "no store answers"),
    Fired("key-expired", Act.LATER, "a key that has ended was configured"),
    Fired("rto-unreachable", Act.LATER, "an objective shorter than the three drills took was set"),
    Fired("retention-lacking", Act.LATER, "all copies of the certificates were removed from a store"),
    Fired("infrastructure-overdue", Act.LATER, "a state of Terraform was configured and never backed up"),
    Fired("scheduler-down", Act.LATER, "Prefect's server hangs"),
    Fired("wal-stalled", Act.LATER, "the receiver was killed, and then the database", by_clock=True),
    Fired("backlog-growing", Act.LATER, "WAL waited when the receiver was killed", by_clock=True),
    Fired("retention-overdue", Act.LATER, "nothing has expired", by_clock=True),
    Fired("backup-overdue", Act.LATER, "nothing was backed up", by_clock=True),
    Fired("component-overdue", Act.LATER, "nothing was backed up", by_clock=True),
    Fired("verification-overdue", Act.LATER, "nothing was read again", by_clock=True),
    Fired("alert-test-overdue", Act.LATER, "the alert path was not tested", by_clock=True),
    Fired("certificate-ending", Act.LATER, "a certificate of 90 days was not renewed", by_clock=True),
    Fired("certificate-ends", Act.LATER, "the same", by_clock=True),
    Fired("run-missing", Act.LATER, "nothing ran", by_clock=True),
    Fired("copy-delayed", Act.LATER, "a store has no copy of what another has", by_clock=True),
    Fired("upload-delayed", Act.LATER, "a store has none of the WAL that another has", by_clock=True),
    Fired("nothing-measured", Act.SILENCE, "the exporter was killed"),
    Fired("system-not-measured", Act.SILENCE, "the same"),
)


def of(act: Act) -> tuple[str, ...]:
    """The rules of one act."""
    return tuple(item.rule for item in FIRED if item.act is act)
