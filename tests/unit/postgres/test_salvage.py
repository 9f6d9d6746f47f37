"""Whatever is broken where, every row that can be read is read once, and reading ends."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from dr.postgres.salvage import Reach

PLACES = st.tuples(st.integers(0, 3000), st.integers(1, 6))
Place = tuple[int, int]


def attempt(reach: Reach, rows: list[Place], pages: set[int], broken: set[Place]) -> tuple[list[Place], bool]:
    """What PostgreSQL gives from one read on, and whether it ended well; the reach is told as the program tells it."""
    begin, limit = (reach.page, reach.row), reach.limit
    got: list[Place] = []
    first_bad = min((page for page in pages if page >= begin[0] and (limit is None or page < limit)), default=None)
    for row in rows:
        if row <= begin or (limit is not None and row[0] >= limit) or (first_bad is not None and row[0] >= first_bad):
            continue
        if row in broken:
            reach.attempt_failed(page_is_broken=False)
            return got, False
        got.append(row)
        reach.got(*row)
    if first_bad is not None:
        reach.attempt_failed(page_is_broken=True)
    return got, first_bad is None


def read_all(rows: set[Place], pages: set[int], broken: set[Place]) -> tuple[list[Place], Reach, int]:
    """All that is got, in the order in which it came, and how many attempts that took."""
    reach, found, attempts = Reach(), [], 0
    while True:
        attempts += 1
        got, well = attempt(reach, sorted(rows), pages, broken)
        found += got
        if well and reach.attempt_ended():
            return found, reach, attempts


@given(st.sets(PLACES, max_size=60), st.sets(st.integers(0, 3000), max_size=8), st.sets(PLACES, max_size=8))
@example({(0, 1), (5, 1), (2999, 6)}, {0, 1, 2, 2999}, {(5, 1)})
def test_every_row_that_can_be_read_is_read_once_and_in_order(
    rows: set[Place], pages: set[int], broken: set[Place]
) -> None:
    """Around broken pages, and around rows whose long values are gone."""
    found, reach, attempts = read_all(rows, pages, broken)

    assert found == sorted(row for row in rows if row not in broken and row[0] not in pages)
    assert reach.skipped <= len(pages) + len(broken)
    assert attempts < 300 * (len(pages) + len(broken) + 1)


def test_a_whole_table_takes_one_attempt() -> None:
    """Nothing is paid for what is not broken."""
    assert read_all({(page, 1) for page in range(1000)}, set(), set())[2] == 1


def test_broken_places_are_counted() -> None:
    """Two pages and two rows, one of them the first of the table."""
    rows = {(page, row) for page in range(20) for row in range(1, 5)}

    found, reach, _ = read_all(rows, {3, 4}, {(0, 1), (9, 2)})

    assert reach.skipped == 4
    assert len(found) == 80 - 8 - 2
