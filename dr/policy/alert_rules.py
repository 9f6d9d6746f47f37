"""What is wrong, as rules over metrics: data, evaluated by our own flow and written as Prometheus rules from the same.

A rule holds one metric against a number, or against another metric with the same labels. It fires for each sample that
has broken it for long enough (``dr/policy/rule_evaluation.py``).
"""

from __future__ import annotations

from dr.policy.alert import Grade
from dr.policy.alert_rule import AGE, DAY, HOUR, LEFT, SHARE, Against, Rule, shown

__all__ = ["RULES", "Against", "Rule", "shown"]

_BESIDE = "redis|files|config|code|secrets|certificates|logs|point"
_OFTEN = "dump|base|redis|files|config|code|secrets|certificates|logs|point"
SCHEDULED = (
    "daily-backup|application-backup|infrastructure-backup|wal-shipping|integrity-test|verification|"
    "database-recovery-test|component-recovery-test|full-dr-test|dr-test|alert-self-test"
)
"""Procedures that run by themselves. Of what people begin, they themselves see how it ends."""
_MEASURED = "runs|retention|WAL|drills|certificates|keys|alerts"
"""What is measured besides the backups. Of stores and Prefect's server it is measured that they do not answer."""
_UNNOTICED = "what goes wrong there is not noticed, and of what was wrong nobody knows whether it is over"
_UNHEARD = "the next failure of that channel makes every other failure silent"
_LOST = "what was committed since would be lost in a disaster"

RULES: tuple[Rule, ...] = (
    Rule(
        "backup-overdue", Grade.CRITICAL, "backup_good_age_seconds", ">",
        Against("backup_age_limit_seconds", ("system", "kind")),
        "no good backup of {kind} for {value}", _LOST, "dr backup --system {system}",
        seconds=HOUR, where=(("kind", "dump|base"),), shown=AGE,
    ),
    Rule(
        "component-overdue", Grade.WARNING, "backup_good_age_seconds", ">",
        Against("backup_age_limit_seconds", ("system", "kind")),
        "no good backup of {kind} for {value}", "what has changed in {kind} since would be lost",
        "dr application-backup --system {system}",
        seconds=HOUR, where=(("kind", _BESIDE),), shown=AGE,
    ),
    Rule(
        "infrastructure-overdue", Grade.WARNING, "backup_good_age_seconds", ">",
        Against("backup_age_limit_seconds", ("system", "kind")),
        "no good backup of {kind} for {value}", "what the servers are made of would have to be built anew by hand",
        "dr infrastructure-backup --system {system}",
        seconds=HOUR, where=(("kind", "images|terraform"),), shown=AGE,
    ),
    Rule(
        "corruption-detected", Grade.CRITICAL, "backup_damaged_copies", ">", 0,
        "{value} copies in {tier} are damaged", "a recovery from that store may fail", "dr list --system {system}",
    ),
    Rule(
        "storage-critical", Grade.CRITICAL, "storage_free_ratio", "<", 0.10,
        "store {tier} is nearly full: {value} free", "the next backup does not fit", "dr list --system {system}",
        shown=SHARE, seconds=300, incident="I18",
    ),
    Rule(
        "wal-stalled", Grade.CRITICAL, "wal_lag_seconds", ">", 15 * 60,
        "WAL has not reached a store for {value}", _LOST, "dr wal status --system {system}",
        shown=AGE, incident="I17",
    ),
    Rule(
        "pitr-broken", Grade.CRITICAL, "pitr_window_gaps", ">", 0,
        "the recoverable window has {value} holes", "moments behind a hole cannot be recovered",
        "dr window --system {system}", incident="I18",
    ),
    Rule(
        "rto-unreachable", Grade.CRITICAL, "recovery_rto_forecast_seconds", ">",
        Against("recovery_rto_target_seconds", ("system", "scenario")),
        "a recovery from {scenario} would take {value}, longer than allowed", "the objective cannot be met any more",
        "dr drills --system {system}", shown=AGE, incident="I5",
    ),
    Rule(
        "drill-overdue", Grade.CRITICAL, "drill_age_seconds", ">", Against("drill_age_limit_seconds", ("system",)),
        "no green drill for {value}", "nobody knows whether the backups restore", "dr drill --system {system}",
        shown=AGE, incident="I3",
    ),
    Rule(
        "size-too-large", Grade.WARNING, "backup_size_ratio", ">", 1.5,
        "the newest backup of {kind} is {value} of the usual size", "it may hold what does not belong there",
        "dr list --system {system}", shown=SHARE,
    ),
    Rule(
        "size-too-small", Grade.WARNING, "backup_size_ratio", "<", 0.5,
        "the newest backup of {kind} is {value} of the usual size", "it may lack what belongs there",
        "dr list --system {system}", shown=SHARE, incident="I7",
    ),
    Rule(
        "rows-dropped", Grade.WARNING, "backup_rows_ratio", "<", 0.5,
        "a table has {value} of the rows that it had in the backup before", "rows may have been deleted by mistake",
        "dr show latest --system {system}", shown=SHARE, incident="I7",
    ),
    Rule(
        "upload-delayed", Grade.WARNING, "wal_store_lacking_seconds", ">", HOUR,
        "store {tier} lacks WAL that is {value} old", "with the other stores gone that WAL is lost",
        "dr wal status --system {system}", shown=AGE,
    ),
    Rule(
        "store-silent", Grade.WARNING, "storage_up", "==", 0,
        "store {tier} does not answer", "one place less has the newest copies", "dr store probe --system {system}",
        seconds=900,
    ),
    Rule(
        "backlog-growing", Grade.WARNING, "wal_backlog_age_seconds", ">", 15 * 60,
        "WAL waits on this host for {value}", "it is lost with this host", "dr wal status --system {system}",
        shown=AGE, incident="I18",
    ),
    Rule(
        "receiver-down", Grade.WARNING, "wal_receiver_up", "==", 0,
        "the WAL receiver does not run", _LOST, "dr wal receive --system {system}", seconds=300, incident="I17",
    ),
    Rule(
        "verification-overdue", Grade.WARNING, "backup_verified_age_seconds", ">", 15 * DAY,
        "nothing in {tier} was read again for {value}", "a copy may have rotted unnoticed",
        "dr verify-backup --system {system}", shown=AGE,
    ),
    Rule(
        "certificate-ending", Grade.WARNING, "certificate_days_left", "<", 14,
        "certificate {name} {value}", "the application's users will be turned away",
        "dr certificates --system {system}", shown=LEFT,
    ),
    Rule(
        "certificate-ends", Grade.CRITICAL, "certificate_days_left", "<", 7,
        "certificate {name} {value}", "the application's users will be turned away",
        "dr certificates --system {system}", shown=LEFT,
    ),
    Rule(
        "key-ending", Grade.WARNING, "key_days_left", "<", 30,
        "the key {fingerprint} that backups are encrypted to {value}",
        "from then on no backup can be made with it", "dr config show --system {system}", shown=LEFT,
    ),
    Rule(
        "key-expired", Grade.CRITICAL, "key_usable", "==", 0,
        "a key that backups are encrypted to is expired, revoked, or not there", "no backup can be made",
        "dr config show --system {system}",
    ),
    Rule(
        "key-rotation-failed", Grade.CRITICAL, "key_rotation_pending", "==", 1,
        "the newest backup of {kind} is not encrypted to the keys that are configured",
        "who has only the new key cannot restore it", "dr backup --system {system}",
        seconds=26 * HOUR, where=(("kind", _OFTEN),),
    ),
    Rule(
        "copy-delayed", Grade.WARNING, "backup_store_lacking_seconds", ">", 2 * HOUR,
        "store {tier} lacks a backup of {kind} that is {value} old", "with the other stores gone that backup is lost",
        "dr list --system {system}", shown=AGE,
    ),
    Rule(
        "retention-overdue", Grade.WARNING, "retention_overdue_copies", ">", 0,
        "{value} copies of {kind} in {tier} should have expired and are still there",
        "data is kept for longer than promised, and the store fills", "dr list --system {system}",
    ),
    Rule(
        "retention-lacking", Grade.WARNING, "retention_lacking_copies", ">", 0,
        "{value} good copies of {kind} are missing in {tier} from those that are kept at the least",
        "there may be nothing older to go back to", "dr list --system {system}",
    ),
    Rule(
        "run-failed", Grade.WARNING, "procedure_last_failed", "==", 1,
        "the last run of {procedure} failed", "what it makes safe or proves is as old as the run before",
        "dr assess --system {system}", where=(("procedure", SCHEDULED),),
    ),
    Rule(
        "run-missing", Grade.WARNING, "schedule_overdue_seconds", ">", 0,
        "{procedure} was due {value} ago and has not run", "nobody is told by a run that is not made",
        "dr assess --system {system}", shown=AGE, incident="I26",
    ),
    Rule(
        "schedule-inactive", Grade.WARNING, "schedule_active", "==", 0,
        "{procedure} has no active schedule in Prefect", "it never runs by itself",
        "dr deploy --system {system}", seconds=900, incident="I26",
    ),
    Rule(
        "runs-late", Grade.WARNING, "schedule_late_runs", ">", 0,
        "{value} runs of {procedure} wait for a worker that does not take them", "nothing runs by itself",
        "dr assess --system {system}", incident="I26",
    ),
    Rule(
        "scheduler-down", Grade.WARNING, "scheduler_up", "==", 0,
        "Prefect's server does not answer", "nothing runs by itself", "dr assess --system {system}",
        seconds=900, incident="I26",
    ),
    Rule(
        "alert-path", Grade.CRITICAL, "alert_channels_confirmed", "<", 2,
        "alerts reach people by {value} channels; two are the least", _UNHEARD, "dr alert test --system {system}",
        incident="I2",
    ),
    Rule(
        "alert-test-overdue", Grade.WARNING, "alert_test_age_seconds", ">", 2 * DAY,
        "the alert path was not tested for {value}", "alerts may reach nobody", "dr alert test --system {system}",
        shown=AGE, incident="I2",
    ),
    Rule(
        "backups-not-measured", Grade.CRITICAL, "measurement_up", "==", 0,
        "nobody can see which {part} there are", _UNNOTICED, "dr monitor --system {system}",
        seconds=900, where=(("part", "backups"),), incident="I2",
    ),
    Rule(
        "not-measured", Grade.WARNING, "measurement_up", "==", 0,
        "{part} cannot be measured", _UNNOTICED, "dr monitor --system {system}",
        seconds=HOUR, where=(("part", _MEASURED),), incident="I2",
    ),
)  # fmt: skip
