"""A system of which nobody has shown lately that it can be recovered is told so."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from dr.policy.drills_in_sight import judge_drills
from dr.policy.observation import Condition

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
YESTERDAY, LONG_AGO = NOW - timedelta(days=1), NOW - timedelta(days=20)


@pytest.mark.incident("I3")
@pytest.mark.parametrize(
    ("last", "condition", "shown"),
    [
        ({"physical": YESTERDAY, "logical": YESTERDAY}, Condition.OK, "1 d 0 h ago"),
        ({"physical": YESTERDAY, "logical": LONG_AGO}, Condition.IMPAIRED, "1 d 0 h ago, not of all"),
        ({"physical": YESTERDAY}, Condition.IMPAIRED, "1 d 0 h ago, not of all"),
        ({"physical": LONG_AGO, "logical": LONG_AGO}, Condition.IMPAIRED, "20 d 0 h ago, STALE"),
        ({}, Condition.IMPAIRED, "NEVER"),
        (None, Condition.IMPAIRED, "UNKNOWN"),
    ],
)
def test_the_age_of_the_last_green_drill(last, condition, shown):
    """Every way to recover has to have been shown within the days that are allowed."""
    said = judge_drills(last, ("physical", "logical"), 7, NOW)

    assert (said.condition, said.shown) == (condition, shown)
