"""What was to run by itself and left no record is noticed, and nothing else is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from deployments.schedules import PROCEDURES
from dr.configuration.alerting.schedules import SchedulesSettings
from dr.policy.expected_runs import Expected, overdue_runs

BEGUN = datetime(2026, 1, 1, 12, tzinfo=UTC)
SIX_HOURS = timedelta(hours=6)


def since(cron: str, ran: str | None, now: str) -> datetime | None:
    """Since when a run is missing; ``ran`` is when the newest began, in January 2026."""
    newest = {"it": _at(ran)} if ran else {}
    (found,) = overdue_runs([Expected("it", cron)], newest, BEGUN, _at(now), SIX_HOURS)
    return found.since


def _at(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-01-{text}+00:00")


@pytest.mark.incident("I26")
@pytest.mark.parametrize(
    ("cron", "ran", "now", "missing"),
    [
        ("0 2 * * *", "03T02:00:09", "04T01:59:00", None),  # not due yet
        ("0 2 * * *", "03T02:00:09", "04T07:59:00", None),  # may still be at work
        ("0 2 * * *", "03T02:00:09", "04T08:01:00", "04T02:00:00"),
        ("0 2 * * *", "03T02:00:09", "09T08:01:00", "04T02:00:00"),  # since the first that is missing
        ("0 2 * * *", "04T01:59:40", "04T20:00:00", None),  # by a clock that is ahead
        ("0 2 * * *", "04T01:00:00", "04T20:00:00", "04T02:00:00"),  # by hand, an hour before: not the night's
        ("0 2 * * *", "04T05:00:00", "04T20:00:00", None),  # late, and made
        ("0 2 * * *", None, "01T23:00:00", None),  # the system is younger than its first time
        ("0 2 * * *", None, "02T09:00:00", "02T02:00:00"),
        ("*/15 * * * *", "04T10:15:02", "04T11:29:00", None),
        ("*/15 * * * *", "04T10:15:02", "04T11:31:00", "04T10:30:00"),
        ("0 3 * * 0", "04T03:00:05", "11T08:59:00", None),
        ("0 3 * * 0", "04T03:00:05", "11T09:01:00", "11T03:00:00"),
    ],
)
def test_a_run_is_missing_from_its_time_on_and_said_after_its_grace(
    cron: str, ran: str | None, now: str, missing: str | None
) -> None:
    """Whatever starts it: only the record counts."""
    assert since(cron, ran, now) == (_at(missing) if missing else None)


def test_what_is_expected_by_default_is_what_is_deployed() -> None:
    """A schedule that changes in one place is noticed to be missing in the other."""
    deployed = {
        item.entrypoint.rpartition(".")[2].replace("_", "-"): item.schedules[0].cron
        for item in PROCEDURES
        if item.schedules
    }
    del deployed["monitoring"]  # it leaves no record; who watches it is outside (docs/alerts.md)

    assert dict(SchedulesSettings().expected()) == deployed


def test_never_is_not_expected() -> None:
    """Who does not drill by schedule is not told so every day."""
    assert "dr-test" not in dict(SchedulesSettings(dr_test="never").expected())
