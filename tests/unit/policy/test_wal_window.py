"""The recoverable window: what base backups and WAL together allow, and nothing more."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from dr.catalog.lsn import Lsn
from dr.catalog.wal_index import Break, WalBlock
from dr.policy.wal_coverage import WalHoldings
from dr.policy.wal_window import BasePoint, window
from tests.unit.catalog.wal_examples import DAWN, blocks, closed_at, history, lsn, partial


class _Bases(list[BasePoint | None]):
    """Base backups that are all known; None cannot be read. ``asked`` counts the reads."""

    def __init__(self, points: Sequence[BasePoint | None]) -> None:
        super().__init__(points)
        self.asked: set[int] = set()

    def point(self, place: int) -> BasePoint | None:
        self.asked.add(place)
        return self[place]

    def label(self, place: int) -> str:
        return f"base-{place}"


def _base(number: int, timeline: int = 1, *, whole: bool = True) -> BasePoint:
    """A backup made within the segment at a place, half a minute before that was closed."""
    ended = closed_at(number) - timedelta(seconds=30)
    return BasePoint(f"at-{timeline}-{number}", timeline, lsn(number, 40), lsn(number, 4096), ended, whole)


def _held(*numbers: int) -> WalHoldings:
    return WalHoldings(blocks(1, numbers))


def test_a_window_is_from_the_end_of_the_oldest_backup_to_the_end_of_the_wal() -> None:
    """Two backups, one stretch of WAL, one interval; WAL older than the first backup is of no use."""
    found = window(_held(*range(1, 9)), {}, _Bases([_base(3), _base(6)]))

    (interval,) = found.intervals
    assert (interval.begin, interval.end) == (_base(3).ended, closed_at(8))
    assert (interval.begin_lsn, interval.end_lsn) == (lsn(3, 4096), lsn(9))
    assert (interval.bases, interval.oldest_base, interval.newest_base) == (2, "at-1-3", "at-1-6")
    assert (interval.segments, interval.stored_bytes, interval.gap) == (6, 6000, None)
    assert (found.lone_bases, found.broken, found.holes) == (0, "", ())


def test_a_gap_cuts_the_window_and_the_next_backup_begins_another() -> None:
    """Between the gap and the next backup nothing can be recovered."""
    found = window(_held(1, 2, 3, 5, 6, 7, 8), {}, _Bases([_base(2), _base(7)]))

    before, after = found.intervals
    assert (before.end, after.begin) == (closed_at(3), _base(7).ended)
    assert before.gap is not None
    assert before.gap.count == 1
    assert found.holes == (before.gap,)
    assert found.broken == ""


def test_wal_behind_a_gap_without_a_backup_is_broken() -> None:
    """What is committed now cannot be recovered, and it is said why (I18)."""
    noted = Break(lsn(4), lsn(5), DAWN, "the slot was lost")
    found = window(WalHoldings(blocks(1, [1, 2, 3, 5, 6], breaks=[noted])), {}, _Bases([_base(2)]))

    assert len(found.intervals) == 1
    assert "the slot was lost" in found.broken
    assert "no base backup is newer" in found.broken


def test_a_break_behind_all_stored_wal_is_broken_at_once() -> None:
    """The receiver noted that WAL is lost before anything newer was stored."""
    noted = Break(lsn(4), lsn(9), DAWN, "the slot was lost")
    held = WalHoldings(blocks(1, [1, 2, 3], breaks=[noted]))

    assert "the slot was lost" in window(held, {}, _Bases([_base(2)])).broken
    assert window(held, {}, _Bases([_base(2), _base(9)])).broken == ""


def test_a_backup_newer_than_the_wal_that_was_stored_so_far_is_no_break() -> None:
    """Its WAL is on its way; until it comes the backup stands alone."""
    found = window(_held(1, 2, 3), {}, _Bases([_base(2), _base(5)]))

    assert found.broken == ""
    assert (found.lone_bases, found.newest_lone) == (1, "base-1")


def test_a_backup_whose_parent_is_missing_carries_no_window() -> None:
    """The next whole one begins it; without any there is none, and that is said."""
    found = window(_held(*range(1, 9)), {}, _Bases([_base(2, whole=False), _base(5)]))
    nothing = window(_held(1, 2), {}, _Bases([_base(1, whole=False)]))

    assert found.intervals[0].begin == _base(5).ended
    assert (nothing.intervals, nothing.broken) == ((), "there is no base backup that can be restored")


def test_without_backups_or_without_wal_there_is_no_window() -> None:
    """Neither alone lets anybody choose a moment."""
    alone = window(_held(), {}, _Bases([_base(2), _base(4)]))

    assert (alone.intervals, alone.lone_bases, alone.newest_lone, alone.broken) == ((), 2, "base-1", "")
    assert window(_held(1, 2), {}, _Bases([])).broken == "there is no base backup that can be restored"
    assert window(_held(), {}, _Bases([])).current is None


def test_a_backup_that_the_wal_does_not_cover_to_its_end_stands_alone() -> None:
    """Replay must pass the backup's own end before anything is consistent."""
    held = WalHoldings(blocks(1, [1], partials=[partial(1, 2, 100)]))

    assert window(held, {}, _Bases([_base(2)])).intervals == ()
    assert window(WalHoldings(blocks(1, [1], partials=[partial(1, 2, 5000)])), {}, _Bases([_base(2)])).intervals


def test_each_timeline_has_its_window_from_the_backup_before_the_switch() -> None:
    """Timeline 2 left timeline 1 in segment 4; timeline 1 went on to segment 6 all the same."""
    switch = lsn(4, 100)
    held = WalHoldings([*blocks(1, range(1, 7)), *blocks(2, [4, 5, 6, 7])])

    found = window(held, {2: history(2, (1, switch))}, _Bases([_base(2), _base(5), _base(6, 2)]))

    first, second = found.intervals
    assert (first.timeline, first.end_lsn, first.newest_base) == (1, lsn(7), "at-1-5")
    assert (second.timeline, second.begin, second.end_lsn) == (2, _base(2).ended, lsn(8))
    assert (second.bases, second.newest_base) == (2, "at-2-6")
    assert found.current == second


def test_a_timeline_without_history_begins_at_its_own_backups() -> None:
    """Nothing crosses over to it, and that is said."""
    held = WalHoldings([*blocks(1, range(1, 5)), *blocks(2, range(4, 9))])

    found = window(held, {}, _Bases([_base(2), _base(6, 2)]))

    assert found.lost_histories == (2,)
    assert [(item.timeline, item.begin) for item in found.intervals] == [(1, _base(2).ended), (2, _base(6, 2).ended)]


def test_without_the_servers_clock_the_window_ends_at_the_newest_backup_at_least() -> None:
    """It is never guessed from our own clock; that the WAL goes further is told by its LSN."""
    held = blocks(1, range(1, 9))
    silent = WalBlock(
        held[0].system,
        held[0].system_identifier,
        1,
        0,
        held[0].segment_bytes,
        tuple(type(item)(item.name, 1, "0", item.plain_sha256, item.stored_at) for item in held[0].segments),
    )

    (interval,) = window(WalHoldings([silent]), {}, _Bases([_base(3), _base(6)])).intervals

    assert (interval.end, interval.noted, interval.end_lsn) == (_base(6).ended, False, lsn(9))


@given(st.sets(st.integers(0, 14)), st.sets(st.integers(0, 14)), st.sets(st.integers(0, 14)), st.data())
def test_a_moment_is_inside_exactly_when_a_backup_and_all_wal_behind_it_lead_there(
    segments: set[int], backups: set[int], unreadable: set[int], data: st.DataObject
) -> None:
    """Held against the definition, for every segment border: some readable backup ended before, no segment missing."""
    points = [None if number in unreadable else _base(number) for number in sorted(backups)]
    found = window(_held(*segments), {}, _Bases(points))
    moment = data.draw(st.integers(0, 15))

    def reaches(number: int) -> bool:
        return number < moment and all(place in segments for place in range(number, moment))

    expected = any(reaches(number) for number in backups - unreadable)
    inside = any(item.begin_lsn <= lsn(moment) <= item.end_lsn for item in found.intervals)
    assert inside == expected


def test_of_many_backups_few_are_read() -> None:
    """A thousand backups in three stretches: the ends of each are found by halving."""
    numbers = [number for number in range(3000) if number not in (1000, 2000)]
    bases = _Bases([_base(number) for number in range(1, 3000, 3)])

    found = window(_held(*numbers), {}, bases)

    assert len(found.intervals) == 3
    assert sum(item.bases for item in found.intervals) + found.lone_bases == len(bases)
    assert len(bases.asked) < 100


def test_the_whole_windows_ends_are_its_intervals() -> None:
    """Oldest and newest over all of them."""
    found = window(_held(1, 2, 3, 5, 6), {}, _Bases([_base(1), _base(5)]))

    ends: tuple[datetime | None, datetime | None] = (found.oldest, found.newest)
    assert ends == (_base(1).ended, closed_at(6))
    assert Lsn(0) < found.intervals[0].end_lsn
