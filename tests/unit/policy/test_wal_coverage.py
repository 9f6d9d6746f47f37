"""Which WAL there is without a hole, held against a model that looks at every byte (in steps of a quarter segment)."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dr.catalog.lsn import Lsn
from dr.catalog.timelines import Section, path_to
from dr.catalog.wal_index import Break, WalBlock
from dr.policy.wal_coverage import WalHoldings, combined
from tests.unit.catalog.wal_examples import DAWN, SIZE, blocks, closed_at, history, lsn, partial, stored

QUARTER = SIZE // 4
ONE = (Section(1, Lsn(0), None),)
_numbers = st.sets(st.integers(0, 9), max_size=10)
_partials = st.none() | st.tuples(st.integers(0, 10), st.integers(1, 3))


def _held(numbers: set[int], opened: tuple[int, int] | None, timeline: int = 1) -> list[WalBlock]:
    opened_one = [partial(timeline, opened[0], opened[1] * QUARTER)] if opened else []
    return blocks(timeline, numbers, partials=opened_one)


@given(_numbers, _partials, _numbers, _partials, st.integers(1, 36), st.integers(0, 36))
def test_a_span_ends_at_the_first_byte_that_is_not_there(
    old: set[int],
    old_open: tuple[int, int] | None,
    new: set[int],
    new_open: tuple[int, int] | None,
    switch: int,
    begin: int,
) -> None:
    """Over a switch of timelines anywhere: the span's end is where a reader of single bytes would stop as well."""
    holdings = WalHoldings([*_held(old, old_open), *_held(new, new_open, 2)])
    path = path_to(2, {2: history(2, (1, Lsn(switch * QUARTER))).ancestors})
    bytes_of = {
        (timeline, quarter)
        for timeline, numbers, opened in ((1, old, old_open), (2, new, new_open))
        for number in range(11)
        for quarter in range(number * 4, number * 4 + 4)
        if number in numbers or (opened and opened[0] == number and quarter < number * 4 + opened[1])
    }

    def is_there(quarter: int) -> bool:
        """The old timeline's bytes up to the switch; the new one's from the beginning of the switch's segment on."""
        from_old = quarter < switch and (1, quarter) in bytes_of
        return from_old or (quarter >= switch // 4 * 4 and (2, quarter) in bytes_of)

    first = begin // 4 * 4
    expected = next(quarter for quarter in range(first, 60) if not is_there(quarter))
    span = holdings.span(path, 1 if begin < switch else 2, Lsn(begin * QUARTER))

    assert span.end.position == max(expected, begin) * QUARTER
    assert (span.gap is None) == (not any(is_there(quarter) for quarter in range(expected // 4 * 4 + 4, 60)))


@given(_numbers, _partials)
def test_stretches_and_holes_make_up_the_whole(numbers: set[int], opened: tuple[int, int] | None) -> None:
    """Every segment is in exactly one stretch, and the holes between are as large as what is missing."""
    holdings = WalHoldings(_held(numbers, opened))

    stretches = holdings.stretches(ONE)

    names = [piece.name for stretch in stretches for piece in stretch.pieces]
    places = sorted(numbers | ({opened[0]} if opened else set()))
    assert names == [stored(1, number).name for number in places]
    for before, after in itertools.pairwise(stretches):
        assert before.gap is not None
        assert before.end < after.begin
        assert before.gap.count == after.begin.position // SIZE - before.end.position // SIZE
    assert not stretches or stretches[-1].gap is None


@given(_numbers)
def test_gaps_are_what_is_missing_in_between(numbers: set[int]) -> None:
    """Each missing segment between the first and the last is in one gap."""
    holdings = WalHoldings(blocks(1, numbers))
    missing = [number for number in range(min(numbers, default=0), max(numbers, default=0)) if number not in numbers]

    found = holdings.gaps(1)

    assert sum(gap.count for gap in found) == len(missing)
    assert {str(gap.first) for gap in found} <= {stored(1, number).name for number in missing}


@given(_numbers, _numbers)
def test_stores_fill_each_others_holes(one: set[int], other: set[int]) -> None:
    """Together they have what either has."""
    together = combined({"local": blocks(1, one), "cloud": blocks(1, other)})

    assert together.numbers(1) == tuple(sorted(one | other))
    assert together.count == len(one | other)


def test_a_closed_segment_of_a_left_timeline_does_not_hide_the_open_one() -> None:
    """After a recovery into the middle of segment 5 the old, closed 5 counts to the switch, the new one further."""
    switch = lsn(5, QUARTER)
    path = path_to(2, {2: history(2, (1, switch)).ancestors})
    behind = blocks(1, range(4, 9))

    without = WalHoldings(behind).span(path, 1, lsn(4))
    opened = WalHoldings([*behind, *blocks(2, [], partials=[partial(2, 5, 3 * QUARTER)])]).span(path, 1, lsn(4))

    assert without.end == switch
    assert without.gap is None
    assert without.server_time == closed_at(4)
    assert opened.end == lsn(5, 3 * QUARTER)
    assert opened.pieces[-1].segment.timeline == 2


def test_what_a_left_timeline_has_behind_the_switch_is_no_gap() -> None:
    """Timeline 1 went on to segment 9; on the way to timeline 2 nothing is missing at its end."""
    path = path_to(2, {2: history(2, (1, lsn(5, 100))).ancestors})
    holdings = WalHoldings([*blocks(1, range(3, 10)), *blocks(2, [5, 6])])

    span = holdings.span(path, 1, lsn(3))

    assert (span.end, span.gap) == (lsn(7), None)


def test_a_switch_on_a_segments_border_needs_nothing_of_the_old_one_behind_it() -> None:
    """The first segment of the new timeline is its own from its first byte."""
    path = path_to(2, {2: history(2, (1, lsn(5))).ancestors})

    whole = WalHoldings([*blocks(1, [3, 4]), *blocks(2, [5, 6])]).span(path, 1, lsn(3))
    holed = WalHoldings([*blocks(1, [3, 4, 5]), *blocks(2, [6])]).span(path, 1, lsn(3))

    assert (whole.end, whole.gap) == (lsn(7), None)
    assert holed.end == lsn(5)
    assert holed.gap is not None
    assert str(holed.gap.first) == stored(2, 5).name


def test_a_gap_tells_why_where_that_was_noted() -> None:
    """A break that touches the gap is its reason; another is not."""
    noted = [Break(lsn(2, 9), lsn(4), DAWN, "the slot was lost"), Break(lsn(6), lsn(7), DAWN, "other")]
    holdings = WalHoldings(blocks(1, [0, 1, 4], breaks=noted))

    (gap,) = holdings.gaps(1)

    assert gap.reason == "the slot was lost"
    assert (gap.first, gap.last, gap.count) == (stored(1, 2).segment, stored(1, 3).segment, 2)


def test_an_open_segment_with_followers_is_a_hole() -> None:
    """What was stored of segment 2 before it was lost leads a little further, then there is a hole."""
    holdings = WalHoldings(blocks(1, [1, 3], partials=[partial(1, 2, QUARTER)]))

    span = holdings.span(ONE, 1, lsn(1))

    assert span.end == lsn(2, QUARTER)
    assert span.gap is not None
    assert holdings.gaps(1) == (span.gap,)


def test_the_longest_of_several_open_states_counts() -> None:
    """One store may be behind the other."""
    together = combined(
        {
            "local": blocks(1, [1], partials=[partial(1, 2, 100)]),
            "cloud": blocks(1, [1], partials=[partial(1, 2, 5000)]),
        }
    )

    assert together.span(ONE, 1, lsn(1)).end == lsn(2, 5000)


def test_the_server_time_is_the_newest_that_was_noted() -> None:
    """A piece without a time does not take back what an earlier one says."""
    block = replace(blocks(1, [1])[0], segments=(stored(1, 1), stored(1, 2, server_closed_at=None)))

    assert WalHoldings([block]).span(ONE, 1, lsn(1)).server_time == closed_at(1)


def test_a_backup_behind_all_wal_finds_none() -> None:
    """Neither a missing segment nor an open one that ends before the backup's begin makes a span."""
    for held in (blocks(1, [1]), blocks(1, [1], partials=[partial(1, 2, 100)])):
        span = WalHoldings(held).span(ONE, 1, lsn(2, 200))

        assert (span.pieces, span.end, span.gap) == ((), lsn(2, 200), None)


def test_a_timeline_off_the_path_is_refused() -> None:
    """Nobody can go from timeline 3 to timeline 1."""
    with pytest.raises(ValueError, match="not on the path"):
        WalHoldings([]).span(ONE, 3, lsn(0))


def test_two_segment_sizes_are_refused() -> None:
    """They would be two clusters under one name."""
    block = blocks(1, [1])[0]

    with pytest.raises(ValueError, match="one size"):
        WalHoldings([block, replace(block, log=7, segment_bytes=SIZE * 4, segments=())])
