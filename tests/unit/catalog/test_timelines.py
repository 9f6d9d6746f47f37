"""Timeline histories: read as PostgreSQL reads them, refused where it would refuse."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dr.catalog.lsn import Lsn
from dr.catalog.timelines import Section, parse_history, path_to
from dr.catalog.wal_index import Ancestor

_lines = st.lists(st.tuples(st.integers(1, 1000), st.integers(0, 1 << 40)), max_size=6, unique_by=lambda item: item[0])


@given(_lines)
def test_a_history_is_read_as_it_was_written(lines: list[tuple[int, int]]) -> None:
    """Timelines and positions that rise together are read back in order."""
    numbers = sorted(timeline for timeline, _ in lines)
    switches = sorted(position for _, position in lines)
    ancestors = tuple(Ancestor(*pair) for pair in zip(numbers, map(Lsn, switches), strict=True))
    content = "".join(f"{item.timeline}\t{item.switch}\tbefore 2024-01-01 # 100%\n" for item in ancestors)

    assert parse_history(content) == ancestors


def test_comments_and_empty_lines_are_passed_over() -> None:
    """As PostgreSQL does, and reasons may hold anything."""
    content = '# a comment\n\n  1 0/3000148 at restore point "x"\n\n2\t1/0\n'

    assert parse_history(content) == (Ancestor(1, Lsn.parse("0/3000148")), Ancestor(2, Lsn.parse("1/0")))


@pytest.mark.parametrize(
    "content",
    [
        "1\n",
        "one\t0/3000148\n",
        "1\t3000148\n",
        "-1\t0/1\n",
        "2\t0/1\n1\t0/2\n",
        "1\t0/2\n2\t0/1\n",
        "1\t0/1\n1\t0/2\n",
    ],
)
def test_damaged_histories_are_refused(content: str) -> None:
    """A line without a position, with a wrong one, or timelines and positions that do not rise."""
    with pytest.raises(ValueError, match=r"timeline|LSN"):
        parse_history(content)


def test_a_path_covers_the_wal_without_overlap() -> None:
    """Each section begins where the one before ends; the last is open."""
    histories = {3: (Ancestor(1, Lsn(100)), Ancestor(2, Lsn(250)))}

    assert path_to(3, histories) == (
        Section(1, Lsn(0), Lsn(100)),
        Section(2, Lsn(100), Lsn(250)),
        Section(3, Lsn(250), None),
    )
    assert path_to(1, histories) == (Section(1, Lsn(0), None),)


def test_a_timeline_without_its_history_has_no_path() -> None:
    """Only timeline 1 needs none."""
    with pytest.raises(KeyError):
        path_to(2, {})
