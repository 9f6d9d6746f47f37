"""When what was told of a failed run is over."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from dr.operations.alert.runs import still_failed
from dr.policy.alert import Alert, Grade
from dr.policy.metric import sample

NOW = datetime(2026, 1, 2, 12, tzinfo=UTC)
HOUR = 3600.0


def told(procedure: str, hours: float, rule: str = "run-failed") -> Alert:
    """Told so many hours ago."""
    return Alert("shop", rule, Grade.WARNING, "it failed", procedure, since=NOW - timedelta(hours=hours))


@pytest.mark.parametrize(
    ("alert", "good_hours", "stays"),
    [
        (told("daily-backup", 2), None, True),  # killed: it left no record, and none ended well since
        (told("daily-backup", 2), 26.0, True),
        (told("daily-backup", 2), 1.0, False),  # by cron, by hand, by whoever
        (told("daily-backup", 50), None, True),  # what runs by itself is waited for
        (told("fail-back", 2), None, True),
        (told("fail-back", 25), None, False),  # what people began they saw
        (told("daily-backup", 2, "alert-path"), 1.0, True),  # something else
    ],
)
def test_a_failed_run_is_over_when_a_later_one_ended_well(alert: Alert, good_hours: float | None, stays: bool) -> None:
    """By the evidence, whoever began it."""
    ages = [sample("procedure_age_seconds", good_hours * HOUR, "shop", alert.subject)] if good_hours else []

    assert still_failed((alert,), ages, NOW) == ((alert,) if stays else ())
