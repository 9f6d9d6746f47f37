"""The dump's own table of contents, read while it streams: the same in whatever chunks, fooled by no data."""

from __future__ import annotations

import tracemalloc
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dr.catalog.manifest import Contents
from dr.postgres.dump_scan import DumpScanner
from tests.unit.postgres.dumps import NASTY, TEXTS, Table, dump, entry, tables

EXAMPLE = dump([Table(name, TEXTS) for name in NASTY] + [Table("parent", None)], large_objects=2)


def _scan(data: bytes, *cuts: int) -> DumpScanner:
    scanner = DumpScanner()
    for begin, end in pairwise([0, *sorted(cuts), len(data)]):
        scanner.feed(data[begin:end])
    return scanner


def _rows(contents: Contents) -> dict[str, int]:
    return {table.name: table.rows for table in contents.tables}


@given(tables, st.lists(st.integers(0, 3000), max_size=8), st.integers(0, 3))
def test_every_table_and_row_is_counted_in_whatever_chunks(content, cuts, large_objects):
    """Names and data are as hostile as they may be; the chunks' borders mean nothing."""
    data = dump(content, large_objects=large_objects)

    scanner = _scan(data, *(cut for cut in cuts if cut < len(data)))

    found = scanner.contents()
    assert _rows(found) == {table.shown: len(table.rows or ()) for table in content}
    assert found.entries == len(content) + sum(table.rows is not None for table in content)
    assert found.large_objects == large_objects
    assert scanner.complete


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 7, 64, 1000, 1 << 20])
def test_the_size_of_chunks_does_not_matter(size):
    """One byte at a time finds what one large chunk finds."""
    whole = _scan(EXAMPLE)
    scanner = DumpScanner()
    for at in range(0, len(EXAMPLE), size):
        scanner.feed(memoryview(EXAMPLE)[at : at + size])

    assert scanner.contents() == whole.contents()
    assert scanner.complete
    assert _rows(whole.contents())["public.users"] == len(TEXTS)


@pytest.mark.incident("I12")
@given(st.integers(0, EXAMPLE.index(b"\n-- PostgreSQL database dump complete\n--\n\n\\unrestrict") + 36))
def test_a_dump_that_was_cut_is_not_complete(cut):
    """Wherever it stopped; data that quotes the end mark does not help."""
    assert not _scan(EXAMPLE[:cut]).complete


@pytest.mark.parametrize("kind", ["database", "database cluster"])
def test_dumps_of_a_database_and_of_globals_end_alike(kind):
    """pg_dump and pg_dumpall write their own last line."""
    assert _scan(f"--\n-- PostgreSQL {kind} dump complete\n--\n\n".encode()).complete


def test_a_lost_row_table_or_entry_changes_the_contents():
    """Proof by reading back compares exactly this."""
    users, orders = Table("users", ("a", "b")), Table("orders", ("c",))
    whole = _scan(dump([users, orders])).contents()

    assert whole == _scan(dump([users, orders])).contents()
    for other in (
        dump([users]),
        dump([Table("users", ("a",)), orders]),
        dump([users, Table("order", ("c",))]),
        dump([users, orders], extra=entry("INDEX", "orders_key", "public")),
    ):
        assert _scan(other).contents() != whole


def test_an_index_that_takes_the_place_of_another_is_noticed_by_the_digest():
    """The same numbers, another table of contents."""
    one, other = (_scan(dump([], extra=entry("INDEX", name, "public"))).contents() for name in ("a", "b"))

    assert (one.entries, one.tables) == (other.entries, other.tables)
    assert one.toc_sha256 != other.toc_sha256


def test_copy_in_a_function_is_no_data():
    """Only where pg_dump has announced the data of a table does a COPY begin."""
    body = (
        "CREATE FUNCTION public.f() RETURNS void LANGUAGE plpgsql AS $$\nCOPY public.users (value) FROM stdin;\n$$;\n\n"
    )
    data = dump([Table("users", ("a",))], extra=entry("FUNCTION", "f()", "public") + body)

    scanner = _scan(data)

    assert scanner.complete
    assert _rows(scanner.contents()) == {"public.users": 1}


def test_a_table_without_columns_has_rows_all_the_same():
    """Empty lines between COPY and its end."""
    data = entry("TABLE", "t", "public") + entry("TABLE DATA", "t", "public", data=True)

    assert _rows(_scan(f"{data}COPY public.t  FROM stdin;\n\n\n\\.\n\n".encode()).contents()) == {"public.t": 2}


def test_a_materialized_view_or_sequence_is_an_entry_and_no_table():
    """What must be in the copy as a table is only what is one."""
    extra = entry("MATERIALIZED VIEW", "totals", "public") + entry("SEQUENCE SET", "ids", "public")

    found = _scan(dump([], extra=extra)).contents()

    assert found.entries == 2
    assert found.tables == ()


def test_a_name_that_imitates_an_entry_does_not_hide_its_rows():
    """A tenant who names a table like this must not make a drill fail."""
    table = Table("t\n-- Name: fake; Type: INDEX; Schema: public; Owner: o\n", ("a", "b"))

    assert _rows(_scan(dump([table])).contents())[table.shown] == 2


def test_memory_does_not_grow_with_a_row():
    """One value may have a gigabyte."""
    scanner = DumpScanner()
    scanner.feed(f"{entry('TABLE DATA', 't', 'public', data=True)}COPY public.t (value) FROM stdin;\n".encode())
    chunk = b"x" * (1 << 20)
    tracemalloc.start()
    for _ in range(24):
        scanner.feed(chunk)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    scanner.feed(b"\n\\.\n\n")

    assert peak < 6 << 20
    assert _rows(scanner.contents()) == {"public.t": 1}
