"""A recovered database against what was there: what is missing has a name, and what may be missing has none."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dr.catalog.expected import Expected, Rights, from_json, to_json
from dr.catalog.manifest import TableRows
from dr.errors import ConfigurationError
from dr.policy.compare_expected import lacking, missing_extensions, missing_tables, shrunken, suspicious

THEN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def expected(*tables: TableRows, exact: bool = True, shrink_percent: float = 0.0) -> Expected:
    """Only tables."""
    return Expected("before", "shop", THEN, tables=tables, exact=exact, shrink_percent=shrink_percent)


@pytest.mark.parametrize(
    ("rows", "now", "percent", "lost"),
    [
        (100, 100, 0, False),
        (100, 101, 0, False),
        (100, 99, 0, True),
        (100, 90, 10, False),
        (100, 89, 10, True),
        (1, 0, 50, True),
        (0, 0, 0, False),
    ],
)
def test_a_table_may_grow_and_shrink_only_as_far_as_is_said(rows: int, now: int, percent: float, lost: bool) -> None:
    """The boundary belongs to what is allowed, and a full table is never allowed to be empty by rounding."""
    wanted = expected(TableRows("a.t", rows), shrink_percent=percent)

    assert bool(shrunken(wanted, {"a.t": now}, ())) == lost


@given(st.integers(0, 10**9), st.integers(0, 10**9))
def test_counted_exactly_every_missing_row_shows(rows: int, now: int) -> None:
    """Without an allowance."""
    assert bool(shrunken(expected(TableRows("t", rows)), {"t": now}, ())) == (now < rows)


def test_the_planners_estimates_only_tell_full_from_empty() -> None:
    """An estimate may be off by much; a table that it calls large and that is empty has lost everything."""
    wanted = expected(TableRows("a.large", 50_000), TableRows("a.small", 10), exact=False)

    assert shrunken(wanted, {"a.large": 1, "a.small": 0}, ()) == ()
    assert shrunken(wanted, {"a.large": 0, "a.small": 0}, ()) == ("a.large has 0 rows, about 50000 were there",)


@pytest.mark.parametrize(
    ("rows", "now", "percent", "told"),
    [
        (1_000_000, 1, 0, True),
        (1_000_000, 499_999, 0, True),
        (1_000_000, 500_000, 0, False),
        (1_000_000, 0, 0, False),
        (999, 1, 0, False),
        (1_000_000, 50_000, 90, False),
        (1_000_000, 49_999, 90, True),
    ],
)
def test_far_less_than_was_estimated_is_told_and_proves_nothing(
    rows: int, now: int, percent: float, told: bool
) -> None:
    """Below half, with both figures; an empty table is a loss and told as one."""
    wanted = expected(TableRows("a.t", rows), exact=False, shrink_percent=percent)

    figures = (f"a.t has {now} rows, about {rows} were there",)
    assert suspicious(wanted, {"a.t": now}) == (figures if told else ())


def test_only_estimates_of_tables_that_are_not_trimmed_are_suspicious() -> None:
    """What was counted exactly is lost or not; our own canary loses rows all the time; what was not counted is open."""
    assert suspicious(expected(TableRows("a.t", 5000)), {"a.t": 1}) == ()
    assert suspicious(expected(TableRows("public.dr_canary", 5000), exact=False), {"public.dr_canary": 1}) == ()
    assert suspicious(expected(TableRows("a.t", 5000), exact=False), {}) == ()


def test_unlogged_tables_may_be_empty_and_not_half_full() -> None:
    """A recovery empties them; it does not take some rows."""
    wanted = expected(TableRows("a.hits", 5))

    assert shrunken(wanted, {"a.hits": 0}, ("a.hits",)) == ()
    assert shrunken(wanted, {"a.hits": 3}, ("a.hits",)) != ()


def test_our_own_canary_is_trimmed_and_no_loss() -> None:
    """Old rows of it are removed all the time, whatever schema it is in; it has to be there all the same."""
    wanted = expected(TableRows("public.dr_canary", 900_000))

    assert shrunken(wanted, {"public.dr_canary": 1}, ()) == ()
    assert missing_tables(wanted, ()) == ("public.dr_canary",)


def test_what_was_not_counted_is_not_called_lost() -> None:
    """Another answer says that it was not counted."""
    assert shrunken(expected(TableRows("t", 5)), {}, ()) == ()


def test_extensions_are_compared_by_name_and_version() -> None:
    """More of them than before are no finding."""
    assert missing_extensions({"a": "1", "b": "2"}, {"a": "1", "b": "1.9", "c": "3"}) == ("b is 1.9, was 2",)
    assert missing_extensions({"a": "1"}, {}) == ("a 1 is missing",)


def test_what_is_lacking_is_told_in_order_and_once() -> None:
    """Whatever more there is."""
    assert lacking(("b", "a", "b"), ("c",)) == ("a", "b")


def test_a_baseline_is_read_as_it_was_written() -> None:
    """With everything in it, what is not known included."""
    kept = Expected(
        "before",
        "shop",
        THEN,
        "77",
        "shop",
        3,
        (TableRows("größe.t", 5),),
        extensions={"plpgsql": "1.0"},
        rights=Rights(("a",), ("a in b",), None),
        flaws=("index x",),
        redis_persistence="appendonly yes, save never",
    )

    assert from_json(to_json(kept), "x") == kept


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b'{"origin": "x"}',
        to_json(expected()).replace(b'"format_version": 1', b'"format_version": 2'),
        to_json(expected()).replace(b"+00:00", b"").replace(b'05Z"', b'05"'),
    ],
)
def test_what_is_no_baseline_is_refused_by_name(data: bytes) -> None:
    """A file of another kind, of another format, or with times that nobody can place."""
    with pytest.raises(ConfigurationError, match=r"before\.json") as refused:
        from_json(data, "before.json")

    assert "--baseline" in refused.value.hint
