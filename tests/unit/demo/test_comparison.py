"""Expected against found, with made-up tables."""

from __future__ import annotations

from dr.demo.baseline import Baseline, Fact
from dr.demo.checks import compare_contents, compare_facts, expected_digests, survival
from dr.demo.journal import Begun, Journal, Row
from dr.postgres.digests import TableDigest

A = Row("shop.a", 1, 10)
B = Row("shop.a", 2, -30)
C = Row("shop.b", 3, 5)
D = Row("shop.a", 4, 7)
JOURNAL = Journal("run", (Begun(1, (A,)), Begun(2, (B, C)), Begun(3, (D,))), frozenset({1, 2, 3}))


def _baseline(*facts: Fact, **tables: tuple[int, str]) -> Baseline:
    digests = {f"shop.{name}": TableDigest(f"shop.{name}", *value) for name, value in tables.items()}
    return Baseline(digests, frozenset(), frozenset(facts))


def test_everything_up_to_the_last_transaction_found_is_expected() -> None:
    """A transaction before it must not be missing, so a hole shows as a difference, not as a loss."""
    found = survival(JOURNAL, frozenset({B}))

    assert found.recovered == 2
    assert found.expected == (A, B, C)
    assert (found.transactions_lost, found.rows_lost) == (1, 1)


def test_nothing_found_is_everything_lost() -> None:
    """A recovery to a point before the writer began loses all of its acknowledged rows."""
    found = survival(JOURNAL, frozenset())

    assert (found.recovered, found.expected) == (0, ())
    assert (found.transactions_lost, found.rows_lost) == (3, 4)


def test_a_transaction_in_doubt_is_no_loss() -> None:
    """Nobody was told that it is committed."""
    doubtful = Journal("run", JOURNAL.transactions, frozenset({1, 2}))

    assert survival(doubtful, frozenset({B})).transactions_lost == 0


def test_a_transaction_in_doubt_that_is_there_is_expected() -> None:
    """The server committed it and died before it could say so."""
    doubtful = Journal("run", JOURNAL.transactions, frozenset({1, 2}))

    assert survival(doubtful, frozenset({D})).expected == (A, B, C, D)


def test_another_writers_row_of_the_same_number_is_not_ours() -> None:
    """After a recovery the sequence gives the lost numbers again; the content tells them apart."""
    assert survival(JOURNAL, frozenset({B, Row(D.table, D.id, D.digest + 1)})).recovered == 2


def test_written_rows_are_added_to_the_digest_from_before() -> None:
    """The digest of a table is the sum of its rows' digests, negative ones too."""
    digests = expected_digests(_baseline(a=(100, "1000")), (A, B, C))

    assert digests["shop.a"] == TableDigest("shop.a", 102, "980")
    assert digests["shop.b"] == TableDigest("shop.b", 1, "5")


def test_each_kind_of_difference_is_said() -> None:
    """Missing, surplus, other rows and other content."""
    expected = _baseline(gone=(1, "1"), rows=(2, "2"), content=(3, "3"), same=(4, "4")).digests
    found = _baseline(rows=(3, "2"), content=(3, "4"), same=(4, "4"), new=(1, "1")).digests
    problems = compare_contents(expected, found, frozenset())

    assert len(problems) == 4
    assert [
        next(name for name in ("new", "gone", "rows", "content") if f"shop.{name}" in text) for text in problems
    ] == [
        "new",
        "content",
        "gone",
        "rows",
    ]


def test_an_unlogged_table_may_come_back_empty_but_not_changed() -> None:
    """PostgreSQL empties unlogged tables in a physical recovery; half of one would be wrong."""
    expected = _baseline(sessions=(5, "9")).digests
    unlogged = frozenset({"shop.sessions"})

    assert compare_contents(expected, _baseline(sessions=(0, "0")).digests, unlogged) == []
    assert compare_contents(expected, _baseline(sessions=(4, "8")).digests, unlogged) != []
    assert compare_contents(expected, _baseline(sessions=(0, "0")).digests, frozenset()) != []


def test_a_changed_definition_is_named_and_its_text_is_not_shown() -> None:
    """The text of a role's definition holds a digest of its password."""
    before = _baseline(Fact("role", "reader", "secret text"), Fact("index", "i", "x"))
    after = _baseline(Fact("role", "reader", "other text"))
    problems = compare_facts(before, after)

    assert problems == ["index i is not as it was", "role reader is not as it was"]
