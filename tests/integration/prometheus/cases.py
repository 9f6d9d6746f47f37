"""For each rule: a value just beside its limit, one that breaks it, how long that has to last, and what is then said.

Written by hand from what the rules are meant to do, not from their definitions: a rule that says something else fails.
"""

from __future__ import annotations

from dataclasses import dataclass

from dr.policy.metric import BY_NAME

HOUR, DAY = 3600.0, 86400.0
INFINITE = float("inf")
VALUES = {
    "kind": "dump",
    "tier": "cloud",
    "scenario": "full-system-failure",
    "name": "www",
    "fingerprint": "AB12",
    "procedure": "daily-backup",
}
"""A label's value where a case says nothing else."""


@dataclass(frozen=True, slots=True)
class Case:
    """``minutes``: how long it has to last. ``limits``: other metrics that are the limit, with the same labels."""

    rule: str
    metric: str
    beside: float
    broken: float
    summary: str
    minutes: int = 0
    limits: tuple[tuple[str, float], ...] = ()
    kind: str = "dump"
    part: str = "WAL"

    def labels(self, metric: str = "", system: str = "shop") -> dict[str, str]:
        """Of a metric's series; the case's own metric when none is named."""
        values = {**VALUES, "kind": self.kind, "part": self.part, "system": system}
        return {name: values.get(name, "some") for name in BY_NAME[metric or self.metric].labels}


_AGE = "backup_age_limit_seconds"
CASES: tuple[Case, ...] = (
    Case("backup-overdue", "backup_good_age_seconds", DAY, DAY + 1, "no good backup of dump for 1d 0h 0m 1s", 60,
         ((_AGE, DAY),)),
    Case("backup-overdue", "backup_good_age_seconds", 5 * HOUR, INFINITE,
         "no good backup of base for as long as is known",
         60, ((_AGE, DAY),), kind="base"),
    Case("component-overdue", "backup_good_age_seconds", 7 * DAY, 7 * DAY + 60,
         "no good backup of code for 7d 0h 1m 0s",
         60, ((_AGE, 7 * DAY),), kind="code"),
    Case("infrastructure-overdue", "backup_good_age_seconds", 7 * DAY, 7 * DAY + 60,
         "no good backup of images for 7d 0h 1m 0s",
         60, ((_AGE, 7 * DAY),), kind="images"),
    Case("corruption-detected", "backup_damaged_copies", 0, 1, "1 copies in cloud are damaged"),
    Case("storage-critical", "storage_free_ratio", 0.1, 0.0995, "store cloud is nearly full: 9.95% free", 5),
    Case("wal-stalled", "wal_lag_seconds", 900, 901, "WAL has not reached a store for 15m 1s"),
    Case("pitr-broken", "pitr_window_gaps", 0, 2, "the recoverable window has 2 holes"),
    Case("rto-unreachable", "recovery_rto_forecast_seconds", 1800, 1801,
         "a recovery from full-system-failure would take 30m 1s, longer than allowed",
         limits=(("recovery_rto_target_seconds", 1800),)),
    Case("drill-overdue", "drill_age_seconds", 7 * DAY, INFINITE, "no green drill for as long as is known",
         limits=(("drill_age_limit_seconds", 7 * DAY),)),
    Case("size-too-large", "backup_size_ratio", 1.5, 1.51, "the newest backup of dump is 151% of the usual size"),
    Case("size-too-small", "backup_size_ratio", 0.5, 0.49, "the newest backup of dump is 49% of the usual size"),
    Case("rows-dropped", "backup_rows_ratio", 0.5, 0.0,
         "a table has 0% of the rows that it had in the backup before"),
    Case("upload-delayed", "wal_store_lacking_seconds", HOUR, HOUR + 1, "store cloud lacks WAL that is 1h 0m 1s old"),
    Case("store-silent", "storage_up", 1, 0, "store cloud does not answer", 15),
    Case("backlog-growing", "wal_backlog_age_seconds", 900, 901, "WAL waits on this host for 15m 1s"),
    Case("receiver-down", "wal_receiver_up", 1, 0, "the WAL receiver does not run", 5),
    Case("verification-overdue", "backup_verified_age_seconds", 15 * DAY, 15 * DAY + 1,
         "nothing in cloud was read again for 15d 0h 0m 1s"),
    Case("certificate-ending", "certificate_days_left", 14, 13.5, "certificate www ends in 13 days"),
    Case("certificate-ending", "certificate_days_left", 14, 1.2, "certificate www ends in 1 day"),
    Case("certificate-ends", "certificate_days_left", 7, 0.997622, "certificate www ends in 23 hours"),
    Case("certificate-ends", "certificate_days_left", 7, 0.06, "certificate www ends in 1 hour"),
    Case("certificate-ends", "certificate_days_left", 7, 0.02, "certificate www ends in 28 minutes"),
    Case("certificate-ends", "certificate_days_left", 7, 0, "certificate www ends in less than a minute"),
    Case("certificate-ends", "certificate_days_left", 7, -1, "certificate www has ended or cannot be read"),
    Case("key-ending", "key_days_left", 30, 29, "the key AB12 that backups are encrypted to ends in 29 days"),
    Case("key-expired", "key_usable", 1, 0, "a key that backups are encrypted to is expired, revoked, or not there"),
    Case("key-rotation-failed", "key_rotation_pending", 0, 1,
         "the newest backup of dump is not encrypted to the keys that are configured", 26 * 60),
    Case("copy-delayed", "backup_store_lacking_seconds", 2 * HOUR, 2 * HOUR + 60,
         "store cloud lacks a backup of dump that is 2h 1m 0s old"),
    Case("retention-overdue", "retention_overdue_copies", 0, 3,
         "3 copies of dump in cloud should have expired and are still there"),
    Case("retention-lacking", "retention_lacking_copies", 0, 1,
         "1 good copies of dump are missing in cloud from those that are kept at the least"),
    Case("run-failed", "procedure_last_failed", 0, 1, "the last run of daily-backup failed"),
    Case("run-missing", "schedule_overdue_seconds", 0, 90, "daily-backup was due 1m 30s ago and has not run"),
    Case("schedule-inactive", "schedule_active", 1, 0, "daily-backup has no active schedule in Prefect", 15),
    Case("runs-late", "schedule_late_runs", 0, 2, "2 runs of daily-backup wait for a worker that does not take them"),
    Case("scheduler-down", "scheduler_up", 1, 0, "Prefect's server does not answer", 15),
    Case("backups-not-measured", "measurement_up", 1, 0, "nobody can see which backups there are", 15, part="backups"),
    Case("not-measured", "measurement_up", 1, 0, "WAL cannot be measured", 60, part="WAL"),
    Case("alert-path", "alert_channels_confirmed", 2, 1, "alerts reach people by 1 channels; two are the least"),
    Case("alert-test-overdue", "alert_test_age_seconds", 2 * DAY, 2 * DAY + 1,
         "the alert path was not tested for 2d 0h 0m 1s"),
)  # fmt: skip
