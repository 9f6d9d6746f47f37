"""Cron expressions mean what they look like, or are refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dr.policy.cron import parse_cron

MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - given one


@pytest.mark.parametrize(
    ("expression", "after", "first"),
    [
        ("0 2 * * *", "2026-01-31T01:59:59+00:00", "2026-01-31T02:00:00+00:00"),
        ("0 2 * * *", "2026-01-31T02:00:00+00:00", "2026-02-01T02:00:00+00:00"),
        ("*/15 * * * *", "2026-12-31T23:50:00+00:00", "2027-01-01T00:00:00+00:00"),
        ("0 3 * * 0", "2026-11-23T00:00:00+00:00", "2026-11-29T03:00:00+00:00"),
        ("0 3 * * 7", "2026-11-23T00:00:00+00:00", "2026-11-29T03:00:00+00:00"),
        ("0 4 1 * *", "2026-11-23T00:00:00+00:00", "2026-12-01T04:00:00+00:00"),
        ("0 1 1 */3 *", "2026-11-23T00:00:00+00:00", "2027-01-01T01:00:00+00:00"),
        ("30 6-18/6 * * 1-5", "2026-11-27T18:30:00+00:00", "2026-11-30T06:30:00+00:00"),
        ("0 0 29 2 *", "2097-01-01T00:00:00+00:00", "2104-02-29T00:00:00+00:00"),
        ("5,50 8 * * *", "2026-01-01T08:05:00+00:00", "2026-01-01T08:50:00+00:00"),
        ("10/20 * * * *", "2026-01-01T00:31:00+00:00", "2026-01-01T00:50:00+00:00"),
    ],
)
def test_the_first_time_after_a_moment(expression: str, after: str, first: str) -> None:
    """The guide's schedules and the corners of the calendar, by hand."""
    assert parse_cron(expression).first_after(datetime.fromisoformat(after)) == datetime.fromisoformat(first)


@pytest.mark.parametrize(
    ("expression", "complaint"),
    [
        ("0 0 31 2 *", "never happens"),
        ("0 0 30 2 *", "never happens"),
        ("0 2 * * * *", "has 6 fields"),
        ("0 2 * *", "has 4 fields"),
        ("", "has 0 fields"),
        ("60 2 * * *", "not a minute of 0 to 59"),
        ("0 24 * * *", "not a hour of 0 to 23"),
        ("0 2 0 * *", "not a day of month of 1 to 31"),
        ("0 2 * 13 *", "not a month of 1 to 12"),
        ("0 2 * * 8", "not a day of week of 0 to 7"),
        ("20-10 2 * * *", "not a minute"),
        ("*/0 2 * * *", "not a minute"),
        ("@daily", "has 1 fields"),
        ("0 2 * * mon", "'mon' is no day of week"),
        ("0 2,, * * *", "'' is no hour"),
        ("0 2 1 * 1", "either would do, not both"),
    ],
)
def test_what_is_not_what_it_looks_like_is_refused(expression: str, complaint: str) -> None:
    """Prefect accepts several of these; none of them is what anybody means."""
    with pytest.raises(ValueError, match=complaint):
        parse_cron(expression)


@given(MOMENTS, st.integers(0, 59), st.integers(0, 23))
def test_a_daily_time_comes_within_a_day(moment: datetime, minute: int, hour: int) -> None:
    """Strictly after the moment, at that time, and at most 24 hours later."""
    first = parse_cron(f"{minute} {hour} * * *").first_after(moment)

    assert moment < first <= moment + timedelta(days=1)
    assert (first.hour, first.minute, first.second) == (hour, minute, 0)


@given(MOMENTS)
def test_the_zone_of_the_moment_does_not_matter(moment: datetime) -> None:
    """The same instant told in another zone has the same next time, in UTC."""
    cron = parse_cron("0 2 * * *")

    assert cron.first_after(moment.astimezone(timezone(timedelta(hours=5, minutes=30)))) == cron.first_after(moment)


@given(MOMENTS, st.sampled_from(["0 2 * * *", "*/15 * * * *", "0 3 * * 0", "0 4 1 * *", "5,50 8 * * 1-5"]))
def test_the_last_time_is_the_one_before_the_first(moment: datetime, expression: str) -> None:
    """Whatever the moment: nothing lies between the last time up to it and the first after it."""
    cron = parse_cron(expression)
    last = cron.last_until(moment)

    assert last <= moment < cron.first_after(moment)
    assert cron.first_after(last) == cron.first_after(moment)
