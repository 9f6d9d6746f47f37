"""What is wrong, by rules over metrics."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from dr.catalog.labels import DATABASE_KINDS, Kind
from dr.components.registry import ROWS
from dr.configuration.alerting.schedules import SchedulesSettings
from dr.operations.measure.gather import MEASUREMENTS
from dr.policy.alert import Grade
from dr.policy.alert_rules import RULES, SCHEDULED, Against
from dr.policy.metric import BY_NAME, Sample, Unmeasured, sample
from dr.policy.rule_evaluation import Evaluated, evaluate
from tests.unit.policy.rounds import rounds

NOW = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)
HOUR = 3600.0
ALL_KINDS = tuple(str(kind) for kind in Kind)
DATABASE = tuple(str(kind) for kind in DATABASE_KINDS)
LIMITS = (sample("backup_age_limit_seconds", 24 * HOUR, "shop", "dump"),)


def run(*samples: Sample, before: Evaluated | None = None, minutes: int = 0, **more: object) -> Evaluated:
    """One evaluation; ``before`` is the one before it."""
    return evaluate(samples, before.broken if before else (), NOW + timedelta(minutes=minutes), **more)  # type: ignore[arg-type]


def lasting(*samples: Sample, minutes: int, before: Evaluated | None = None) -> Evaluated:
    """The last of many rounds in which nothing changes."""
    return rounds(samples, NOW, NOW + timedelta(minutes=minutes), before.broken if before else ())


def names(evaluated: Evaluated) -> list[str]:
    """The rules that fire."""
    return [alert.rule for alert in evaluated.alerts]


CASES = [
    ("corruption-detected", [sample("backup_damaged_copies", 1, "shop", "cloud")], Grade.CRITICAL),
    ("wal-stalled", [sample("wal_lag_seconds", 901, "shop")], Grade.CRITICAL),
    ("pitr-broken", [sample("pitr_window_gaps", 1, "shop")], Grade.CRITICAL),
    (
        "rto-unreachable",
        [
            sample("recovery_rto_forecast_seconds", 2000, "shop", "full-system-failure"),
            sample("recovery_rto_target_seconds", 1800, "shop", "full-system-failure"),
        ],
        Grade.CRITICAL,
    ),
    (
        "drill-overdue",
        [sample("drill_age_seconds", float("inf"), "shop"), sample("drill_age_limit_seconds", 7 * 86400, "shop")],
        Grade.CRITICAL,
    ),
    ("size-too-large", [sample("backup_size_ratio", 1.6, "shop", "dump")], Grade.WARNING),
    ("size-too-small", [sample("backup_size_ratio", 0.4, "shop", "dump")], Grade.WARNING),
    ("rows-dropped", [sample("backup_rows_ratio", 0.0, "shop")], Grade.WARNING),
    ("upload-delayed", [sample("wal_store_lacking_seconds", 3601, "shop", "cloud")], Grade.WARNING),
    ("backlog-growing", [sample("wal_backlog_age_seconds", 901, "shop")], Grade.WARNING),
    ("verification-overdue", [sample("backup_verified_age_seconds", 16 * 86400, "shop", "cloud")], Grade.WARNING),
    ("certificate-ending", [sample("certificate_days_left", 10, "shop", "www")], Grade.WARNING),
    ("certificate-ends", [sample("certificate_days_left", 6, "shop", "www")], Grade.CRITICAL),
    ("key-ending", [sample("key_days_left", 29, "shop", "AB")], Grade.WARNING),
    ("key-expired", [sample("key_usable", 0, "shop")], Grade.CRITICAL),
    ("copy-delayed", [sample("backup_store_lacking_seconds", 7201, "shop", "dump", "cloud")], Grade.WARNING),
    ("retention-overdue", [sample("retention_overdue_copies", 1, "shop", "dump", "local")], Grade.WARNING),
    ("retention-lacking", [sample("retention_lacking_copies", 1, "shop", "dump", "local")], Grade.WARNING),
    ("run-failed", [sample("procedure_last_failed", 1, "shop", "daily-backup")], Grade.WARNING),
    ("run-missing", [sample("schedule_overdue_seconds", 7 * HOUR, "shop", "daily-backup")], Grade.WARNING),
    ("runs-late", [sample("schedule_late_runs", 2, "shop", "daily-backup")], Grade.WARNING),
    ("alert-path", [sample("alert_channels_confirmed", 1, "shop")], Grade.CRITICAL),
    ("alert-test-overdue", [sample("alert_test_age_seconds", 3 * 86400, "shop")], Grade.WARNING),
]


@pytest.mark.parametrize(("rule", "samples", "grade"), CASES, ids=[case[0] for case in CASES])
def test_each_rule_fires_at_once_where_it_needs_no_time(rule: str, samples: list[Sample], grade: Grade) -> None:
    """With a command that can be pasted and no brace left in any text."""
    alert = next(alert for alert in run(*samples).alerts if alert.rule == rule)

    assert alert.grade is grade
    assert "{" not in f"{alert.summary}{alert.risk}{alert.command}"
    assert alert.command.startswith("dr ")
    assert alert.command.endswith("--system shop") or "--system shop" in alert.command


WAITING = [
    ("backup-overdue", [sample("backup_good_age_seconds", 25 * HOUR, "shop", "dump"), *LIMITS], 60),
    ("storage-critical", [sample("storage_free_ratio", 0.09, "shop", "local")], 5),
    ("store-silent", [sample("storage_up", 0, "shop", "cloud")], 15),
    ("receiver-down", [sample("wal_receiver_up", 0, "shop")], 5),
    ("schedule-inactive", [sample("schedule_active", 0, "shop", "daily-backup")], 15),
    ("scheduler-down", [sample("scheduler_up", 0, "shop")], 15),
    ("key-rotation-failed", [sample("key_rotation_pending", 1, "shop", "dump")], 26 * 60),
    ("backups-not-measured", [sample("measurement_up", 0, "shop", "backups")], 15),
    ("not-measured", [sample("measurement_up", 0, "shop", "WAL")], 60),
]


@pytest.mark.parametrize(("rule", "samples", "minutes"), WAITING, ids=[case[0] for case in WAITING])
def test_what_may_pass_by_itself_has_to_last(rule: str, samples: list[Sample], minutes: int) -> None:
    """Not at once, not a minute too early, and not when it was well in between."""
    first = run(*samples)
    almost = lasting(*samples, minutes=minutes - 1)
    due = run(*samples, before=almost, minutes=minutes)
    well = run(before=almost, minutes=minutes)
    again = run(*samples, before=well, minutes=minutes + 1)

    assert names(first) == names(almost) == names(again) == []
    assert names(due) == [rule]


def test_every_rule_is_among_those_that_were_tried() -> None:
    """A further rule without a case here is noticed."""
    tried = (
        {case[0] for case in CASES} | {case[0] for case in WAITING} | {"component-overdue", "infrastructure-overdue"}
    )

    assert {rule.name for rule in RULES} == tried


def test_a_component_is_a_warning_and_the_database_critical() -> None:
    """The same age of every kind, each with the command that makes a backup of it."""
    kinds = [*ALL_KINDS]
    samples = [sample("backup_good_age_seconds", 30 * HOUR, "shop", kind) for kind in kinds] + [
        sample("backup_age_limit_seconds", 24 * HOUR, "shop", kind) for kind in kinds
    ]
    first = run(*samples)

    due = run(*samples, before=first, minutes=60)

    procedures = {str(row.kind): row.part.procedure for row in ROWS}
    rules = {"application-backup": "component-overdue", "infrastructure-backup": "infrastructure-overdue"}
    wanted = dict.fromkeys(kinds, "component-overdue") | {kind: rules[name] for kind, name in procedures.items()}
    assert {alert.subject: alert.rule for alert in due.alerts} == wanted | dict.fromkeys(DATABASE, "backup-overdue")
    assert {alert.subject: alert.command.split()[1] for alert in due.alerts} == {
        kind: "backup" if kind in DATABASE else procedures.get(kind, "application-backup") for kind in kinds
    }


def test_a_run_that_a_person_began_and_saw_fail_is_no_alert() -> None:
    """Only what runs by itself: a refused fail-back is not told again for months."""
    assert names(run(sample("procedure_last_failed", 1, "shop", "fail-back"))) == []
    scheduled = {name for name, _ in SchedulesSettings().expected()}
    assert set(SCHEDULED.split("|")) == scheduled


def test_an_age_says_itself_since_when() -> None:
    """Not since when we have been looking."""
    (alert,) = run(sample("wal_lag_seconds", 2 * HOUR, "shop")).alerts

    assert alert.since == NOW - timedelta(hours=2)
    assert "for 2 h" in alert.summary


def test_what_was_not_measured_is_unknown_and_not_well() -> None:
    """Its alerts are named, so that nobody is told that they are over."""
    samples = [sample("backup_good_age_seconds", 25 * HOUR, "shop", "dump"), *LIMITS]
    overdue = lasting(*samples, minutes=60)

    found = run(before=overdue, minutes=65, unmeasured=frozenset({Unmeasured("backup_good_age_seconds")}))

    assert found.unknown == {"shop/backup-overdue/dump"}


def test_all_that_is_measured_is_told_when_it_cannot_be() -> None:
    """By one rule, and by one only; of stores and of Prefect's server the measurement says it itself."""
    itself = {"stores", "scheduler", "schedules", "targets"}
    parts = {title for title, _, _ in MEASUREMENTS}

    found = {part: names(lasting(sample("measurement_up", 0, "shop", part), minutes=60)) for part in parts}

    assert found == {
        part: [] if part in itself else ["backups-not-measured" if part == "backups" else "not-measured"]
        for part in parts
    }


def test_a_limit_of_another_system_is_not_this_ones() -> None:
    """Joined by the labels, never by chance."""
    found = run(sample("drill_age_seconds", 8 * 86400, "shop"), sample("drill_age_limit_seconds", 7 * 86400, "other"))

    assert names(found) == []


def test_the_same_rules_are_promql() -> None:
    """Every metric that they name is declared, and labels are joined that both have."""
    for rule in RULES:
        assert rule.metric in rule.expression
        if isinstance(rule.limit, Against):
            assert set(rule.limit.on) <= set(BY_NAME[rule.metric].labels) & set(BY_NAME[rule.limit.metric].labels)
            assert set(rule.limit.on) == set(BY_NAME[rule.limit.metric].labels)
    overdue = next(rule for rule in RULES if rule.name == "backup-overdue")
    assert overdue.expression == (
        'backup_good_age_seconds{kind=~"dump|base"} > on(system,kind) group_left() '
        "min by(system,kind) (backup_age_limit_seconds)"
    )


def test_a_rule_over_nothing_is_refused() -> None:
    """When it is written, not when it should have fired."""
    with pytest.raises(ValueError, match="no rule"):
        replace(RULES[0], metric="no_such_metric")
    with pytest.raises(ValueError, match="no metric"):
        sample("storage_up", 1, "shop")
