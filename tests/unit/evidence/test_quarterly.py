"""A quarterly drill passes only by what was measured, and says what it was not prepared for."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from dr.errors import ObjectiveMissed, RecoveryFailed, TargetRefused
from dr.evidence.quarterly import (
    Asked,
    Earlier,
    Metrics,
    Preparation,
    Quarterly,
    comparison_rows,
    objective_rows,
    report,
)
from dr.policy.objectives import Objective, Scenario, Verdict

NOW = datetime(2026, 1, 31, 2, 0, tzinfo=UTC)
READY = Preparation(True, True, True)
BEFORE = Metrics(NOW, 5_000_000, {"users": 10, "orders": 20}, 7, (Asked("http://a/api/health", True, 0.02),))
AFTER = Metrics(NOW, 5_100_000, {"users": 10, "orders": 19, "new": 1}, 9, (Asked("http://a/api/health", False, 3.0),))
MET = Verdict(Objective(900, 900), 60.0, 5.0)
PASSED = Quarterly("shop", Scenario.DATABASE_CORRUPTION, "1", "op", READY, BEFORE, NOW, "dr x", AFTER, MET, "5 rows")


def test_nothing_is_broken_before_everything_was_confirmed() -> None:
    """What is open is named, item by item."""
    READY.require()
    with pytest.raises(TargetRefused) as told:
        Preparation(window_scheduled=True).require()

    assert told.value.detail == (
        "not confirmed: all stakeholders have been told; the test environment is prepared; nothing was touched"
    )


def test_a_drill_within_its_objectives_passes() -> None:
    """Recovered, verified, in time, little lost."""
    PASSED.require()

    assert PASSED.passed
    assert [row["met"] for row in objective_rows(PASSED)] == ["yes", "yes"]


@pytest.mark.parametrize(
    ("drill", "error"),
    [
        (replace(PASSED, error="RecoveryFailed: no"), RecoveryFailed),
        (replace(PASSED, failed=("rows: one lacks",)), RecoveryFailed),
        (replace(PASSED, verdict=None), RecoveryFailed),
        (replace(PASSED, verdict=Verdict(Objective(900, 900), 901.0, 5.0)), ObjectiveMissed),
        (replace(PASSED, verdict=Verdict(Objective(900, 900), 60.0, None)), ObjectiveMissed),
    ],
    ids=["it failed", "not all came back", "it never got there", "too late", "loss not measured"],
)
def test_everything_else_does_not_pass(drill: Quarterly, error: type[Exception]) -> None:
    """A loss that nobody measured is no met objective."""
    with pytest.raises(error):
        drill.require()

    assert not drill.passed
    assert "NOT passed" in report(drill)


def test_before_and_after_differ_where_they_differ() -> None:
    """Totals always; of tables only those whose rows are not what they were."""
    rows = {row["what"]: (row["before"], row["after"]) for row in comparison_rows(PASSED)}

    assert rows["rows"] == ("30", "30")
    assert rows["rows of orders"] == ("20", "19")
    assert rows["rows of new"] == ("no table", "1")
    assert "rows of users" not in rows
    assert rows["http://a/api/health"] == ("ok in 0.02 s", "NOT OK in 3.00 s")


def test_what_was_not_measured_is_said_to_be_so() -> None:
    """A drill whose recovery failed has no after, no times, and no loss."""
    text = report(replace(PASSED, after=None, verdict=None, error="RecoveryFailed: no", loss="not measured"))

    assert text.count("Not measured") == 2
    assert "What was lost: not measured" in text
    assert "ended by: RecoveryFailed: no" in text


def test_it_is_held_against_the_drill_before() -> None:
    """Its figures beside these, and when it was; without one that is said, and nothing stands for it."""
    drill = replace(PASSED, earlier=Earlier(NOW, 42.0, None))

    assert [row["drill before"] for row in objective_rows(drill)] == ["42.0 s", "not measured"]
    assert "Drill before: 2026-01-31 02:00 UTC." in report(drill)
    assert [row["drill before"] for row in objective_rows(PASSED)] == ["none", "none"]
    assert "Drill before: none of this scenario" in report(PASSED)
