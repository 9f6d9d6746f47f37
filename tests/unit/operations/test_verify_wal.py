"""The WAL's rotation: each segment at least once in so many days, what is new the next day, damage every day."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from dr.catalog.wal_index import StoredSegment
from dr.operations.verify.wal import Rotation, is_due
from tests.unit.catalog.wal_examples import stored

LONG_AGO = datetime(2024, 1, 1, tzinfo=UTC)
TODAY = LONG_AGO.toordinal() + 100


def _held(count: int) -> list[StoredSegment]:
    return [stored(1, number, stored_at=LONG_AGO) for number in range(count)]


def _due(rotation: Rotation, today: int, days: int, held: list[StoredSegment]) -> set[str]:
    return {entry.name for entry in held if is_due(entry, rotation, today, days)}


@given(st.integers(1, 10), st.lists(st.integers(1, 12), min_size=3, max_size=12))
def test_no_share_is_left_out_whatever_days_had_no_run(days: int, pauses: list[int]) -> None:
    """Runs with pauses of any length between them: in every stretch of ``days`` days with a run at its end, all."""
    held = _held(60)
    rotation, today = Rotation(TODAY), TODAY
    last = dict.fromkeys((entry.name for entry in held), TODAY)
    for pause in pauses:
        today += pause
        last |= dict.fromkeys(_due(rotation, today, days, held), today)
        rotation = Rotation(today)
        assert today - min(last.values()) < days


def test_the_shares_are_about_equal() -> None:
    """Of 1,000 segments in ten days each day about a hundred."""
    read = [len(_due(Rotation(day - 1), day, 10, _held(1000))) for day in range(TODAY, TODAY + 10)]

    assert sum(read) == 1000
    assert max(read) < 160


def test_a_new_store_is_read_whole() -> None:
    """Nothing is remembered: everything is due."""
    assert len(_due(Rotation(), TODAY, 14, _held(50))) == 50


def test_what_was_stored_since_and_what_was_damaged_is_read() -> None:
    """On whatever day their share is."""
    fresh = stored(1, 500, stored_at=LONG_AGO + timedelta(days=99, hours=23))
    damaged = next(entry for entry in _held(50) if not is_due(entry, Rotation(TODAY - 1), TODAY, 14))

    assert is_due(fresh, Rotation(TODAY - 1), TODAY, 1000)
    assert is_due(damaged, Rotation(TODAY - 1, (damaged.name,)), TODAY, 14)
