"""WAL file names: read as PostgreSQL writes them, and arithmetic that agrees with its own."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dr.catalog.lsn import Lsn
from dr.catalog.wal_names import (
    Segment,
    WalGeometry,
    history_name,
    is_backup_history,
    parse_history_name,
    parse_partial_name,
    parse_segment_name,
)

geometries = st.integers(20, 30).map(lambda power: WalGeometry(1 << power))
timelines = st.integers(1, 0xFFFFFFFF)
positions = st.integers(0, (1 << 64) - 1).map(Lsn)


@given(timelines, st.integers(0, 0xFFFFFFFF), st.integers(0, 0xFFFFFFFF))
def test_a_name_is_read_back_as_written(timeline: int, log: int, part: int) -> None:
    """Parsing undoes writing, whatever the numbers."""
    segment = Segment(timeline, log, part)

    assert Segment.parse(str(segment)) == segment


@given(geometries, timelines, positions)
def test_the_segment_of_an_lsn_holds_it(wal: WalGeometry, timeline: int, lsn: Lsn) -> None:
    """Begin and end of the segment of an LSN enclose it, and the next segment begins where this one ends."""
    segment = wal.at(timeline, lsn)

    assert wal.begin(segment) <= lsn < wal.end(segment)
    assert wal.begin(wal.after(segment)) == wal.end(segment)
    assert wal.segment(timeline, wal.number(segment)) == segment


@given(geometries, timelines, positions, positions)
def test_names_order_as_positions_do(wal: WalGeometry, timeline: int, one: Lsn, other: Lsn) -> None:
    """On one timeline a later LSN never has an earlier name."""
    first, second = sorted((one, other))

    assert str(wal.at(timeline, first)) <= str(wal.at(timeline, second))


def test_the_next_segment_crosses_a_log_file() -> None:
    """The last of the segments of a log file (256 of 16 MiB, 64 of 64) is followed by the first of the next."""
    assert str(WalGeometry().after(Segment.parse("0000000100000002000000FF"))) == "000000010000000300000000"
    assert str(WalGeometry(64 << 20).after(Segment.parse("00000001000000020000003F"))) == "000000010000000300000000"


@pytest.mark.parametrize("size", [0, 1 << 19, 1 << 31, (16 << 20) + 1, 24 << 20])
def test_impossible_segment_sizes_are_refused(size: int) -> None:
    """Only powers of two from 1 MiB to 1 GiB exist."""
    with pytest.raises(ValueError, match="no WAL segment"):
        WalGeometry(size)


def test_a_part_that_the_log_cannot_have_is_refused() -> None:
    """A log file has 256 segments of 16 MiB: part 256 is damage, not the next log."""
    with pytest.raises(ValueError, match="cannot be"):
        WalGeometry().number(Segment.parse("000000010000000200000100"))


@pytest.mark.parametrize(
    "name",
    [
        "",
        "00000001000000020000000",
        "0000000100000002000000FFF",
        "0000000100000002000000fg",
        "0000000100000002000000ff",
        "000000000000000200000001",
        "0000000100000002000000FF.partial",
        "0000000100000002000000FF\n",
        "archive_status",
        "xlogtemp.123",
    ],
)
def test_other_names_are_no_segments(name: str) -> None:
    """What PostgreSQL does not call a segment is none, timeline 0 and a trailing newline included."""
    assert parse_segment_name(name) is None
    with pytest.raises(ValueError, match="not the name"):
        Segment.parse(name)


def test_every_file_of_a_spool_is_told_apart() -> None:
    """Closed segment, open segment, history and backup note: each name is one of them and nothing else."""
    closed, part = "0000000100000002000000FF", "0000000100000002000000FF.partial"
    history, note = "0000000A.history", "0000000100000002000000FF.00000028.backup"

    assert parse_segment_name(closed) == parse_partial_name(part) == Segment(1, 2, 255)
    assert parse_history_name(history) == 10
    assert history_name(10) == history
    assert is_backup_history(note)
    for name in (closed, part, history, note):
        kinds = (
            parse_segment_name(name) is not None,
            parse_partial_name(name) is not None,
            parse_history_name(name) is not None,
            is_backup_history(name),
        )
        assert kinds.count(True) == 1
