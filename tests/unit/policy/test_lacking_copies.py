"""A copy that is not there is told as lost or as never made, and one that has expired is not told at all."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from dr.catalog.labels import Kind
from dr.policy.lacking_copies import Lack, Made, Room, lacking
from dr.policy.retention_periods import STANDARD, Periods

NOW = datetime(2026, 1, 31, tzinfo=UTC)
ROOMS = (Room("local", here=True), Room("cloud", here=False), Room("region", here=False))
DUMP = Made(Kind.DUMP, STANDARD, NOW - timedelta(days=1), ("local", "cloud", "region"), ("local", "cloud", "region"))


def told(made: Made, rooms: tuple[Room, ...] = ROOMS) -> list[Lack]:
    """With seven days on this machine."""
    return list(lacking(made, rooms, Periods(), 7, NOW))


def test_a_backup_that_is_everywhere_lacks_nothing() -> None:
    """Nor does one whose store did not answer: of that nothing is known."""
    assert told(DUMP) == []
    assert told(replace(DUMP, held_by=("local", "cloud")), ROOMS[:2]) == []


def test_a_copy_that_was_there_is_lost_and_one_that_was_never_made_is_not() -> None:
    """The second region's copy is gone; the other one was of this machine only."""
    assert told(replace(DUMP, held_by=("local", "cloud"))) == [Lack("region", lost=True)]
    assert told(replace(DUMP, meant_for=("local",), held_by=("local",))) == [
        Lack("cloud", False),
        Lack("region", False),
    ]


@pytest.mark.parametrize(("days", "lacks"), [(6, True), (8, False)])
def test_what_has_expired_on_this_machine_is_not_missing_there(days: int, lacks: bool) -> None:
    """Elsewhere the database's copies never expire by this program."""
    old = replace(DUMP, at=NOW - timedelta(days=days), held_by=("cloud", "region"))
    ancient = replace(DUMP, at=NOW - timedelta(days=4000), held_by=("cloud",))

    assert [item.store for item in told(old)] == (["local"] if lacks else [])
    assert [item.store for item in told(ancient)] == ["region"]


def test_a_component_is_missing_as_long_as_its_own_period() -> None:
    """Redis stays elsewhere for ninety days."""
    redis = replace(DUMP, kind=Kind.REDIS, held_by=("region",))

    assert [item.store for item in told(replace(redis, at=NOW - timedelta(days=89)))] == ["cloud"]
    assert told(replace(redis, at=NOW - timedelta(days=91))) == []
