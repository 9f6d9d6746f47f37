"""Recovery targets as operators type them: read when they are clear, refused when they could mean two things."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dr.catalog.lsn import Lsn
from dr.errors import ConfigurationError
from dr.policy.recovery_target import RecoveryTarget, TargetKind, parse_recovery_target, parse_time

_zones = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
_times = st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1), timezones=_zones)  # noqa: DTZ001 - the zone is added


@pytest.mark.incident("I6")
@given(_times)
def test_a_time_with_a_zone_means_one_instant(moment: datetime) -> None:
    """Written as ISO 8601 with T or a blank, it is read back as the same instant."""
    assert parse_time(moment.isoformat()) == moment
    assert parse_time(moment.isoformat(sep=" ")) == moment
    assert parse_recovery_target(time=moment.isoformat()) == RecoveryTarget(TargetKind.TIME, time=moment)


@pytest.mark.incident("I6")
@given(_times)
def test_a_time_without_a_zone_is_refused(moment: datetime) -> None:
    """Whatever its form: six hours were once spent on restoring the wrong one."""
    for text in (moment.replace(tzinfo=None).isoformat(), f"{moment:%Y-%m-%d %H:%M}", f"{moment:%Y-%m-%d}"):
        with pytest.raises(ConfigurationError, match="zone"):
            parse_time(text)


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-31T02:00:00Z",
        "2026-01-31 02:00:00 UTC",
        "2026-01-31 02:00:00 utc",
        "2026-01-31 02:00 GMT",
        "2026-01-31 02:00:00+00",
        "2026-01-31 02:00:00 +00:00",
        " 2026-01-31 03:00:00.000 +01 ",
        "2026-01-30 21:00:00-05:00",
        "20260131T020000Z",
    ],
)
def test_times_as_people_and_postgresql_write_them(text: str) -> None:
    """All of these are the same instant."""
    assert parse_time(text) == datetime(2026, 1, 31, 2, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "now", "yesterday", "02:00:00Z", "2026-02-30T00:00:00Z", "1700000000", "x UTC"])
def test_what_is_no_time_is_refused(text: str) -> None:
    """With a word on how to write one."""
    with pytest.raises(ConfigurationError, match="zone") as told:
        parse_time(text)

    assert "2026-01-31T02:00:00+00:00" in told.value.hint


def test_each_target_sets_its_own_field() -> None:
    """The six kinds, and latest when nothing is given."""
    assert parse_recovery_target() == RecoveryTarget()
    assert parse_recovery_target(lsn=" 16/B374D848 ").lsn == Lsn.parse("16/B374D848")
    assert parse_recovery_target(xid="4294967297").xid == 4294967297
    assert parse_recovery_target(name="before upgrade") == RecoveryTarget(TargetKind.NAME, name="before upgrade")
    assert parse_recovery_target(immediate=True).kind is TargetKind.IMMEDIATE
    assert parse_recovery_target(timeline="3").timeline == 3
    assert parse_recovery_target(timeline="latest").timeline is None


@pytest.mark.parametrize(
    "given_twice",
    [
        {"time": "2026-01-31T02:00:00Z", "lsn": "0/1"},
        {"xid": "700", "name": "x"},
        {"lsn": "0/1", "immediate": True},
        {"time": "2026-01-31T02:00:00Z", "lsn": "0/1", "xid": "700", "name": "x", "immediate": True},
    ],
    ids=str,
)
def test_two_targets_are_refused(given_twice: dict[str, object]) -> None:
    """A recovery stops at one place."""
    with pytest.raises(ConfigurationError, match="more than one"):
        parse_recovery_target(**given_twice)  # type: ignore[arg-type]


def test_only_what_has_a_place_can_be_excluded() -> None:
    """Before a time, an LSN or a transaction: yes; before a name, the end of a backup or the newest WAL: no."""
    assert not parse_recovery_target(time="2026-01-31T02:00:00Z", exclusive=True).inclusive
    assert not parse_recovery_target(lsn="0/1", exclusive=True).inclusive
    assert not parse_recovery_target(xid="700", exclusive=True).inclusive
    for other in ({"name": "x"}, {"immediate": True}, {}):
        with pytest.raises(ConfigurationError, match="excluded"):
            parse_recovery_target(exclusive=True, **other)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "wrong",
    [
        {"lsn": "16"},
        {"lsn": "G/0"},
        {"xid": "2"},
        {"xid": "-700"},
        {"xid": "0x2bc"},
        {"xid": "9" * 30},
        {"name": "n" * 64},
        {"name": "ü" * 32},
        {"timeline": "0"},
        {"timeline": "newest"},
        {"timeline": "-1"},
    ],
    ids=str,
)
def test_targets_that_postgresql_would_refuse_are_refused_at_once(wrong: dict[str, str]) -> None:
    """Not after an hour of restoring."""
    with pytest.raises(ConfigurationError):
        parse_recovery_target(**wrong)  # type: ignore[arg-type]


def test_a_target_is_told_in_words() -> None:
    """In UTC, with its timeline, and whether it is itself inside."""
    told = [
        str(parse_recovery_target(time="2026-01-31T03:00:00+01:00", exclusive=True, timeline="2")),
        str(parse_recovery_target(lsn="0/3000028")),
        str(parse_recovery_target(xid="700", exclusive=True)),
        str(parse_recovery_target(name="x")),
        str(parse_recovery_target(immediate=True)),
        str(parse_recovery_target()),
    ]

    assert told == [
        "just before 2026-01-31 02:00:00.000000 UTC on timeline 2",
        "LSN 0/3000028",
        "just before transaction 700",
        "restore point 'x'",
        "the end of the base backup",
        "the newest WAL",
    ]
