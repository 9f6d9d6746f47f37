"""The forecast finds the day on which the RTO will be missed, and says nothing where it cannot know (I5)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from dr.catalog.drills import DrillRecord
from dr.policy.forecast import forecasts, hours_back

NOW = datetime(2026, 6, 1, tzinfo=UTC)
GB = 10**9


def record(day: int, *, gigabytes: float, seconds: float, target: float = 900.0) -> DrillRecord:
    """A green drill so many days before now."""
    begin = NOW - timedelta(days=day)
    return DrillRecord(
        run=f"r{day}", system="shop", procedure="database-recovery-test", scenario="database-corruption",
        method="physical", seed=1, label="base", asked="latest", store="local", begin=begin, end=begin,
        seconds=seconds, rto_target=target, verdict="recoverable", level="queried", rto_seconds=seconds,
        database_bytes=int(gigabytes * GB),
    )  # fmt: skip


def growing() -> list[DrillRecord]:
    """1 GB a day, 100 GB now, 4 s per GB: 900 s are reached at 225 GB, in 125 days."""
    return [record(day, gigabytes=100 - day, seconds=4 * (100 - day)) for day in range(0, 70, 7)]


@pytest.mark.incident("I5")
def test_a_growing_database_reaches_the_objective_on_a_known_day() -> None:
    """The day, by the rate and the trend; and it is called a forecast."""
    (found,) = forecasts(growing(), NOW)

    assert found.on is not None
    assert abs(found.on - (NOW + timedelta(days=125))) < timedelta(days=2)
    assert not found.missed
    assert str(found).startswith("forecast")
    assert f"{found.on:%Y-%m-%d}" in str(found)


def test_a_flat_or_shrinking_one_never_does() -> None:
    """Within five years, which is as far as anybody should look."""
    flat = [record(day, gigabytes=100, seconds=400) for day in range(0, 70, 7)]
    shrinking = [record(day, gigabytes=100 + day, seconds=400 + 4 * day) for day in range(0, 70, 7)]

    for history in (flat, shrinking):
        (found,) = forecasts(history, NOW)
        assert found.on is None
        assert "five years" in str(found)


def test_one_slow_day_and_one_odd_size_do_not_move_it() -> None:
    """Medians, so that people are not called for an outlier."""
    history = growing()
    history[3] = replace(history[3], rto_seconds=4000.0)
    history[5] = replace(history[5], database_bytes=900 * GB, rto_seconds=3600.0)
    (odd,), (even,) = forecasts(history, NOW), forecasts(growing(), NOW)

    assert odd.on is not None
    assert even.on is not None
    assert abs(odd.on - even.on) < timedelta(days=10)


def test_what_is_out_of_reach_already_is_said_now() -> None:
    """No date in the past."""
    history = [replace(item, rto_target=300.0) for item in growing()]
    (found,) = forecasts(history, NOW)

    assert found.missed
    assert "out of reach already" in str(found)


@pytest.mark.parametrize("count", [1, 2])
def test_too_little_history_gives_no_forecast(count: int) -> None:
    """It says how many drills there are."""
    (found,) = forecasts(growing()[:count], NOW)

    assert not found.enough
    assert f"{count} of 3" in str(found)
    assert found.row()["forecast RTO now"] is None


def test_red_drills_do_not_tell_how_fast_a_recovery_is() -> None:
    """Only green ones count."""
    history = [replace(item, verdict="not recoverable") for item in growing()]
    (found,) = forecasts(history, NOW)

    assert found.drills == 0


def test_archive_classes_take_hours() -> None:
    """Added to every recovery from them; what can be read at once adds nothing."""
    assert hours_back("DEEP_ARCHIVE") > hours_back("GLACIER") > 0
    assert hours_back("STANDARD_IA") == hours_back(None) == 0
