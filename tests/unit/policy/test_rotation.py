"""The rotation: no copy stays unread longer than it may, damage is looked at every day, and a day's work is bounded."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dr.policy.rotation import Copy, Reason, choose_copies

NOW = datetime(2024, 3, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def _copies(count: int, size: int = 100) -> list[Copy]:
    return [Copy(f"base_{number}", "local", size, NOW - number * DAY / count) for number in range(count)]


@given(
    sizes=st.lists(st.integers(0, 10_000), min_size=1, max_size=12),
    days=st.integers(1, 9),
    late=st.lists(st.integers(-40, 40), min_size=40, max_size=40),
)
def test_every_copy_is_read_once_in_so_many_days(sizes: list[int], days: int, late: list[int]) -> None:
    """Forty days with runs that begin up to forty minutes early or late, copies of any size."""
    held = [Copy(f"base_{number}", "local", size, NOW) for number, size in enumerate(sizes)]
    for day, minutes in enumerate(late, 1):
        now = NOW + day * DAY + timedelta(minutes=minutes)
        oldest = min(item.read_at for item in held if item.read_at)
        assert now - oldest <= days * DAY + timedelta(hours=2)
        read = {entry.copy.name for entry in choose_copies(held, now, days)}
        held = [replace(item, read_at=now) if item.name in read else item for item in held]


def test_a_day_without_a_run_is_made_up_for() -> None:
    """After a week of silence all that is too old is read at once."""
    chosen = choose_copies(_copies(7), NOW + 7 * DAY, days=3)

    assert {entry.copy.name for entry in chosen} == {item.name for item in _copies(7)}
    assert {entry.reason for entry in chosen} == {Reason.DUE}


def test_new_and_damaged_copies_are_read_whatever_the_share() -> None:
    """A copy that nobody has read since it was published, and one that failed, come on top of what is due."""
    new = Copy("base_new", "local", 10**9, NOW - timedelta(hours=1), fresh=True)
    never = Copy("base_never", "cloud", 10**9, None)
    damaged = Copy("base_damaged", "local", 10**9, NOW - timedelta(hours=1), failed=True)

    chosen = choose_copies([*_copies(4), new, never, damaged], NOW, days=30)

    assert [(entry.copy.name, entry.reason) for entry in chosen] == [
        ("base_never", Reason.NEW),
        ("base_damaged", Reason.FAILED),
        ("base_new", Reason.NEW),
    ]


def test_a_days_share_is_the_longest_unread_part() -> None:
    """Of ten equal copies two a day in five days, the oldest proofs first."""
    chosen = choose_copies(_copies(10), NOW, days=5)

    assert [entry.copy.name for entry in chosen] == ["base_9", "base_8"]
    assert {entry.reason for entry in chosen} == {Reason.SHARE}


def test_less_than_a_day_is_refused() -> None:
    """Every copy in no days at all is no rotation."""
    with pytest.raises(ValueError, match="1 or more"):
        choose_copies([], NOW, days=0)
