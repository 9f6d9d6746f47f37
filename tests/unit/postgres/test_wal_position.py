"""Up to which moment the WAL reaches is said only where it was seen, and never of another server's WAL."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from dr.catalog.lsn import Lsn
from dr.postgres.wal_position import Sample, WalPositions

NOON = datetime(2024, 1, 1, 12, tzinfo=UTC)


def sample(second: int, lsn: int, timeline: int = 1) -> Sample:
    """What was seen so many seconds after noon."""
    return Sample(NOON + timedelta(seconds=second), Lsn(lsn), timeline)


def test_a_piece_holds_what_was_acknowledged_before_the_newest_sample_within_it() -> None:
    """A sample beyond its end says nothing about it; before the first sample nothing is known."""
    positions = WalPositions()
    for second, lsn in ((1, 100), (2, 200), (3, 300)):
        positions.add(sample(second, lsn))

    assert positions.closed_at(Lsn(250)) == NOON + timedelta(seconds=2)
    assert positions.closed_at(Lsn(300)) == NOON + timedelta(seconds=3)
    assert positions.closed_at(Lsn(99)) is None


def test_an_idle_server_moves_the_moment_and_not_the_position() -> None:
    """Nothing was written since: everything acknowledged by now is still within."""
    positions = WalPositions()
    positions.add(sample(1, 100))
    positions.add(sample(60, 100))

    assert positions.closed_at(Lsn(100)) == NOON + timedelta(seconds=60)


def test_after_a_switch_of_timelines_the_earlier_samples_count_no_more() -> None:
    """Commits that were acknowledged by the former primary need not be on the new timeline."""
    positions = WalPositions()
    positions.add(sample(1, 100))
    positions.add(sample(2, 200))
    positions.add(sample(3, 150, timeline=2))

    assert positions.closed_at(Lsn(149)) is None
    assert positions.closed_at(Lsn(160)) == NOON + timedelta(seconds=3)
