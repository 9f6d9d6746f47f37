"""What only Prometheus can miss: that nothing is measured any more. A rule over a metric that is gone never fires.

Our own flow needs none of these: what it cannot measure is unknown to it and ends no alert, and when it does not run
its schedule is late. Here the silence itself has to be an alert.
"""

from __future__ import annotations

from dataclasses import dataclass

from dr.operations.measure.push import JOB
from dr.policy.alert import Grade

TEXTFILE = "coreflow360_dr.prom"
"""What the file for node exporter is called."""
MINUTE = 60
_UNNOTICED = "backups may fail and nobody would notice"


@dataclass(frozen=True, slots=True)
class Silence:
    """An alert over the lack of something. ``expression`` is PromQL; the texts are Prometheus's templates."""

    name: str
    grade: Grade
    expression: str
    summary: str
    risk: str
    command: str
    seconds: int = 0


SILENCES: tuple[Silence, ...] = (
    Silence(
        "nothing-measured", Grade.CRITICAL, "absent(storage_up)",
        "no system is measured at all", _UNNOTICED, "dr metrics serve", seconds=10 * MINUTE,
    ),
    Silence(
        "system-not-measured", Grade.CRITICAL,
        "max by(system) (max_over_time(storage_up[1d])) unless on(system) storage_up",
        "{{ $labels.system }} was measured within the last day and is not any more", _UNNOTICED,
        "dr metrics --system {{ $labels.system }}", seconds=10 * MINUTE,
    ),
    Silence(
        "measurements-are-old", Grade.CRITICAL,
        f'time() - push_time_seconds{{job="{JOB}"}} > {15 * MINUTE} or '
        f'time() - node_textfile_mtime_seconds{{file=~"(.*/)?{TEXTFILE.replace(".", "[.]")}"}} > {15 * MINUTE}',
        "what Prometheus is given was measured {{ $value | humanizeDuration }} ago", _UNNOTICED, "dr metrics",
    ),
)  # fmt: skip
