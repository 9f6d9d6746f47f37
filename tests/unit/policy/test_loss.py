"""What a loss is called: measured only while a canary lived, a bound by what the copy has, or not known."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dr.catalog.canary import Beat
from dr.policy.loss import SILENCE, Certainty, Known, drilled_loss, judge_loss

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def at(seconds: float) -> datetime:
    """So many seconds after noon."""
    return NOON + timedelta(seconds=seconds)


def beat(seconds: int) -> Beat:
    """One a second, from noon on."""
    return Beat(seconds, at(seconds))


ALIVE = Known(restored=beat(598), ended=at(605), last=beat(600), committed=at(598.5))


def test_a_canary_that_lived_until_the_end_measures() -> None:
    """From the last row that came back to the last that was committed."""
    found = judge_loss(ALIVE)

    assert (found.certainty, found.seconds) == (Certainty.MEASURED, 2.0)
    assert "at most" not in found.explanation


@pytest.mark.incident("I28")
def test_a_canary_that_died_minutes_before_measures_nothing() -> None:
    """Its rows are all there, which says nothing of what was committed after them. The copy's last commit does."""
    found = judge_loss(replace(ALIVE, restored=beat(600), committed=at(1500), ended=at(1800)))

    assert (found.certainty, found.seconds) == (Certainty.AT_MOST, 300.0)
    assert found.explanation.startswith("at most: the last canary known, 600, was silent for 1200 s")
    assert "the last commit that was restored is of 2026-01-31 12:25:00 UTC" in found.explanation
    assert "--disaster-at" in found.explanation


def test_a_time_that_somebody_gives_makes_it_a_measure_again() -> None:
    """It died with the database, and the recovery began much later."""
    late = replace(ALIVE, ended=NOON + 3 * HOUR)
    told = replace(late, struck=at(603))

    assert judge_loss(late).certainty is Certainty.AT_MOST
    assert (judge_loss(told).certainty, judge_loss(told).seconds) == (Certainty.MEASURED, 2.0)


def test_the_bound_is_the_closest_that_is_known() -> None:
    """Of the canary, the last commit, and what the stores have: the latest of what is surely there."""
    new_host = Known(restored=beat(100), ended=at(1000))
    seconds = [
        judge_loss(known).seconds
        for known in (
            new_host,
            replace(new_host, committed=at(400)),
            replace(new_host, committed=at(400), complete_until=at(700)),
            replace(new_host, committed=at(400), complete_until=at(700), struck=at(800)),
        )
    ]

    assert seconds == [900.0, 600.0, 300.0, 100.0]


def test_without_canary_and_commit_nothing_is_said() -> None:
    """No figure, and what would give one the next time; a commit alone gives a bound."""
    nothing = judge_loss(Known(restored=None, ended=at(10), last=beat(5)))
    commit = judge_loss(Known(restored=None, ended=at(10), last=beat(5), committed=at(4)))

    assert (nothing.certainty, nothing.seconds) == (Certainty.UNKNOWN, None)
    assert "dr canary" in nothing.explanation
    assert (commit.certainty, commit.seconds) == (Certainty.AT_MOST, 6.0)


def test_rows_that_are_known_to_be_missing_are_never_bounded_away() -> None:
    """Where clocks disagree: what two rows of the same server say counts."""
    found = judge_loss(Known(restored=beat(0), ended=at(5000), last=beat(3000), committed=at(4990)))

    assert found.certainty is Certainty.AT_MOST
    assert found.seconds == 3000.0


def test_a_drill_measures_only_by_a_canary_that_lived() -> None:
    """Commits from long after its last row say that it had died, and the age of that row is no loss."""
    seconds = [drilled_loss(beat(600), at(610), committed) for committed in (None, at(609), at(660), at(661))]

    assert seconds == [10.0, 10.0, 10.0, None]


MOMENTS = st.integers(0, 10_000)
MAYBE = st.none() | MOMENTS


@given(restored=MAYBE, last=MAYBE, committed=MAYBE, complete=MAYBE, struck=MAYBE, ended=MOMENTS)
def test_no_figure_is_called_measured_unless_a_canary_lived_until_the_end(
    restored: int | None,
    last: int | None,
    committed: int | None,
    complete: int | None,
    struck: int | None,
    ended: int,
) -> None:
    """Whatever is known: a bound is never below zero, nor below what the canaries show to be missing."""
    known = Known(
        restored=None if restored is None else beat(restored),
        ended=at(ended),
        last=None if last is None else beat(last),
        committed=None if committed is None else at(committed),
        complete_until=None if complete is None else at(complete),
        struck=None if struck is None else at(struck),
    )
    found = judge_loss(known)
    until = ended if struck is None else struck

    assert (found.seconds is None) is (found.certainty is Certainty.UNKNOWN)
    assert (found.certainty is Certainty.UNKNOWN) is (restored is None and committed is None and complete is None)
    if found.certainty is Certainty.MEASURED:
        assert None not in (restored, last)
        assert (last or 0) >= (restored or 0)
        assert until - (last or 0) <= SILENCE.total_seconds()
    if found.certainty is Certainty.AT_MOST:
        assert found.explanation.startswith("at most")
    if found.seconds is not None:
        missing = 0 if restored is None or last is None else last - restored
        assert found.seconds >= max(missing, 0)
