"""Every metric there is, declared once: its name, what it counts or measures, and its labels. Values only.

Names, units and labels follow Prometheus: seconds, bytes, ratios; ``_total`` only ever grows. What is measured is read
from the stores each time, so that a restart of whoever measures loses nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Shape(StrEnum):
    """How a metric's value moves."""

    GAUGE = "gauge"
    COUNTER = "counter"


@dataclass(frozen=True, slots=True)
class Family:
    """One metric. Every sample has all of ``labels``."""

    name: str
    help: str
    labels: tuple[str, ...]
    shape: Shape = Shape.GAUGE


@dataclass(frozen=True, slots=True)
class Sample:
    """One value: ``labels`` are in the family's order."""

    name: str
    labels: tuple[str, ...]
    value: float


@dataclass(frozen=True, slots=True)
class Unmeasured:
    """A metric that could not be looked at this time; with a ``tier`` only the series of that store."""

    metric: str
    tier: str = ""


_KIND = ("system", "kind")
_TIER = ("system", "kind", "tier")
_STORE = ("system", "tier")
_SCENARIO = ("system", "scenario")
_SYSTEM = ("system",)
_PROCEDURE = ("system", "procedure")

FAMILIES: tuple[Family, ...] = (
    Family("backup_success_total", "Copies that runs published, by their records", _TIER, Shape.COUNTER),
    Family("backup_failure_total", "Copies that runs should have published and did not", _TIER, Shape.COUNTER),
    Family("backup_duration_seconds", "How long the newest backup took", _KIND),
    Family("backup_size_bytes", "Stored size of the newest backup", _TIER),
    Family("backup_age_seconds", "Age of the newest proven copy", _TIER),
    Family("backup_good_age_seconds", "Age of the newest backup of which some copy is proven", _KIND),
    Family("backup_age_limit_seconds", "Age that the newest good backup may have", _KIND),
    Family("backup_size_ratio", "Size of the newest backup against the median of those before", _KIND),
    Family("backup_rows_ratio", "Rows now against the backup before, of the table that lost most", _SYSTEM),
    Family(
        "backup_verified_level",
        "Highest level proven of the newest backup, 1 (stored) to 8 (application asked)",
        _TIER,
    ),
    Family("backup_verified_age_seconds", "Since a copy in this store was last read again", _STORE),
    Family("backup_store_lacking_seconds", "Age of the oldest of the newest backups that this store lacks", _TIER),
    Family("backup_damaged_copies", "Copies that failed when they were last read", _STORE),
    Family("retention_overdue_copies", "Copies that should have expired and are still there", _TIER),
    Family("retention_lacking_copies", "Good copies that are missing from those kept at the least", _TIER),
    Family("procedure_success_total", "Runs of a procedure that ended well", _PROCEDURE, Shape.COUNTER),
    Family("procedure_failure_total", "Runs of a procedure that failed or were interrupted", _PROCEDURE, Shape.COUNTER),
    Family("procedure_duration_seconds", "How long the newest good run took", _PROCEDURE),
    Family("procedure_age_seconds", "Since the newest good run ended", _PROCEDURE),
    Family("procedure_last_failed", "1 while the newest run is one that failed", _PROCEDURE),
    Family("schedule_overdue_seconds", "Since a run was due that left no record; 0 where none is missing", _PROCEDURE),
    Family("schedule_active", "1 while Prefect has an active schedule for it", _PROCEDURE),
    Family("schedule_late_runs", "Runs that Prefect should have begun and did not", _PROCEDURE),
    Family("scheduler_up", "1 when Prefect's server answers", _SYSTEM),
    Family("wal_lag_seconds", "Commits that a disaster now would cost", _SYSTEM),
    Family("wal_backlog_segments", "Closed segments that wait on this host", _SYSTEM),
    Family("wal_backlog_bytes", "Bytes that wait on this host", _SYSTEM),
    Family("wal_backlog_age_seconds", "Age of the oldest segment that waits", _SYSTEM),
    Family("wal_receiver_up", "1 while the receiver of this host runs", _SYSTEM),
    Family("wal_store_lacking_segments", "Segments that another store has and this one lacks", _STORE),
    Family("wal_store_lacking_seconds", "Age of the oldest of them", _STORE),
    Family("pitr_window_seconds", "How far back a recovery to any moment reaches", _SYSTEM),
    Family("pitr_window_gaps", "Holes in the WAL within the recoverable window", _SYSTEM),
    Family("drill_age_seconds", "Since the last green drill", _SYSTEM),
    Family("drill_age_limit_seconds", "Age that it may have", _SYSTEM),
    Family("drill_rto_seconds", "RTO measured by the last drill of a scenario", _SCENARIO),
    Family("drill_rpo_seconds", "RPO measured by the last drill of a scenario", _SCENARIO),
    Family("drill_phase_seconds", "Time at work of a phase of the last drill", ("system", "scenario", "phase")),
    Family("recovery_rto_target_seconds", "RTO wanted", _SCENARIO),
    Family("recovery_rpo_target_seconds", "RPO wanted", _SCENARIO),
    Family("recovery_rto_forecast_seconds", "RTO to be expected with the data as it grows", _SCENARIO),
    Family("storage_up", "1 when the store answers", _STORE),
    Family("storage_free_bytes", "Bytes that a store can still take", _STORE),
    Family("storage_free_ratio", "Share of a store's disk that is free", _STORE),
    Family("certificate_days_left", "Days until a certificate ends", ("system", "name")),
    Family("key_days_left", "Days until a key that backups are encrypted to ends", ("system", "fingerprint")),
    Family("key_age_days", "Days since a key that backups are encrypted to was made", ("system", "fingerprint")),
    Family("key_usable", "1 while backups can be encrypted to every key that is configured", _SYSTEM),
    Family("key_rotation_pending", "1 while the newest backup is encrypted to other keys than configured", _KIND),
    Family("measurement_up", "1 while this part of the system can be looked at", ("system", "part")),
    Family("alert_waiting", "Notices that no provider has taken yet", _SYSTEM),
    Family("alert_delivered_total", "Notices that a channel's provider took", ("system", "channel"), Shape.COUNTER),
    Family("alert_refused_total", "Notices that a channel did not take", ("system", "channel"), Shape.COUNTER),
    Family("alert_channels_confirmed", "Channels that took the last test", _SYSTEM),
    Family("alert_test_age_seconds", "Since the alert path was last tested", _SYSTEM),
)
BY_NAME = {family.name: family for family in FAMILIES}


def sample(name: str, value: float, *labels: str) -> Sample:
    """One value of a declared metric. Raises ValueError for one that is not declared, or other labels.

    >>> sample("storage_up", 1, "shop", "local").labels
    ('shop', 'local')
    """
    family = BY_NAME.get(name)
    if family is None or len(labels) != len(family.labels):
        raise ValueError(f"there is no metric {name} with {len(labels)} labels")
    return Sample(name, labels, float(value))
