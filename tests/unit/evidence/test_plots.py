"""The picture of the drills: drawn for any history, in both formats."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dr.evidence.plots import FORMATS, plot_drills
from tests.unit.policy.test_forecast import growing

BEGIN = {"png": b"\x89PNG", "svg": b"<?xml"}


@pytest.mark.parametrize("kind", FORMATS)
def test_a_history_of_every_verdict_is_drawn(kind: str) -> None:
    """Also drills that never came to a figure, and those without a target."""
    records = growing()
    records[2] = replace(records[2], verdict="not recoverable", rto_seconds=None)
    records[4] = replace(records[4], verdict="inconclusive", method="logical", rpo_seconds=3.0, rpo_target=900.0)

    assert plot_drills(records, kind).startswith(BEGIN[kind])


def test_no_drill_at_all_is_drawn_too() -> None:
    """An empty picture, no error."""
    assert plot_drills([]).startswith(BEGIN["png"])


def test_one_drill_alone_is_drawn_on_an_axis_of_a_day() -> None:
    """Left to itself the library takes an axis of four years, and names no day on it."""
    drawn = plot_drills(growing()[:1], "svg").decode()
    month = f"{growing()[0].begin:%b-%d}"

    assert month in drawn or f"{growing()[0].begin:%m-%d}" in drawn


def test_every_method_that_was_drilled_is_in_the_picture() -> None:
    """Components too, each by its own marker and name, also those that nobody thought of when it was written."""
    names = ("code", "redis", "physical", "something else")
    records = [replace(record, method=names[place % 4]) for place, record in enumerate(growing())]
    drawn = plot_drills(records, "svg").decode()

    assert all(f"<!-- {name}, recoverable -->" in drawn for name in names)
