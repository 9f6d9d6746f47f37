"""Comparing what came back with what was committed.

The expected content of a table is its content before the writers began, plus what a writer's journal says about every
transaction up to the recovered point. That point is found, not assumed: it is the last of a journal's transactions of
which the recovered database has the row. Everything before it must be there, everything after it is counted as lost.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from dr.demo.baseline import LARGE_OBJECTS, Baseline, take_baseline
from dr.demo.journal import Journal, Row
from dr.demo.queries import query
from dr.postgres.connection import Connection, connected
from dr.postgres.digests import TEXT_FORMAT, TableDigest
from dr.secret import Secret

_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Survival:
    """One journal against the recovered database: its transactions up to ``recovered`` are expected there.

    ``rows_lost`` counts rows whose commit was acknowledged and that lie behind that point.
    """

    recovered: int
    expected: tuple[Row, ...]
    rows_lost: int
    transactions_lost: int


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The answer. ``checksums_match`` is about content; ``problems`` has every difference, of definitions too."""

    tables_checked: int
    rows_expected: int
    rows_restored: int
    checksums_match: bool
    rows_lost: int
    transactions_lost: int
    checked: tuple[str, ...]
    problems: tuple[str, ...]

    @property
    def passed(self) -> bool:
        return self.checksums_match and not self.problems


def check_recovered(before: Baseline, journals: Iterable[Journal], url: Secret) -> CheckResult:
    """Compare everything. Nobody may write to the recovered database meanwhile; ``url`` is the superuser's."""
    after = take_baseline(url)
    with connected(url) as connection:
        survivals = [survival(journal, _written(connection, journal.run)) for journal in journals]
        sequences, behind = _sequences_behind(connection)
        wrong = _generated_wrong(connection)
    expected = expected_digests(before, [row for item in survivals for row in item.expected])
    contents = compare_contents(expected, after.digests, before.unlogged)
    facts = compare_facts(before, after)
    problems = [*contents, *facts, *behind]
    if wrong:
        problems.append(f"{wrong} generated values do not follow from their row")
    tables = [name for name in expected if name != LARGE_OBJECTS]
    objects = after.digests[LARGE_OBJECTS].rows
    return CheckResult(
        tables_checked=len(tables),
        rows_expected=sum(_expected_rows(expected[name], after.digests, before.unlogged) for name in tables),
        rows_restored=sum(after.digests[name].rows for name in tables if name in after.digests),
        checksums_match=not contents and not wrong,
        rows_lost=sum(item.rows_lost for item in survivals),
        transactions_lost=sum(item.transactions_lost for item in survivals),
        checked=(
            f"rows and digests of {len(tables)} tables, partitions and materialized views",
            f"{objects} large objects byte by byte",
            f"{len(before.facts)} definitions, owners, grants, policies and comments",
            f"{sequences} sequences against their columns",
            "every generated column against its expression",
        ),
        problems=tuple(problems),
    )


def survival(journal: Journal, present: frozenset[Row]) -> Survival:
    """How far into ``journal`` the recovered database reaches, given the rows that are ``present`` in it."""
    there = (item.number for item in journal.transactions if not present.isdisjoint(item.rows))
    recovered = max(there, default=0)
    lost = [item for item in journal.transactions if item.number > recovered and item.number in journal.acknowledged]
    return Survival(
        recovered=recovered,
        expected=tuple(row for item in journal.transactions if item.number <= recovered for row in item.rows),
        rows_lost=sum(len(item.rows) for item in lost),
        transactions_lost=len(lost),
    )


def expected_digests(before: Baseline, written: Iterable[Row]) -> dict[str, TableDigest]:
    """The digests from before, with ``written`` rows added: the digest of a table is the sum of its rows'."""
    sums = {name: (item.rows, int(item.digest)) for name, item in before.digests.items()}
    for row in written:
        rows, digest = sums.get(row.table, (0, 0))
        sums[row.table] = (rows + 1, digest + row.digest)
    return {name: TableDigest(name, rows, str(digest)) for name, (rows, digest) in sums.items()}


def compare_contents(
    expected: Mapping[str, TableDigest], found: Mapping[str, TableDigest], unlogged: frozenset[str]
) -> list[str]:
    """A sentence for every table that is missing, surplus or different."""
    problems = [f"table {name} is there and was not before" for name in sorted(found.keys() - expected.keys())]
    for name, item in sorted(expected.items()):
        there = found.get(name)
        if there is None:
            problems.append(f"{name} is missing")
        elif there.rows == 0 and name in unlogged:
            continue
        elif there.rows != item.rows:
            problems.append(f"{name} has {there.rows} rows instead of {item.rows}")
        elif there.digest != item.digest:
            problems.append(f"{name} has {item.rows} rows as expected, and other content")
    return problems


def compare_facts(before: Baseline, after: Baseline) -> list[str]:
    """A sentence for every definition, right or comment that is not the same; their text is not shown."""
    changed = {(fact.kind, fact.name) for fact in before.facts ^ after.facts}
    problems = [f"{kind} {name} is not as it was" for kind, name in sorted(changed)]
    if len(problems) > _SHOWN:
        problems[_SHOWN:] = [f"and {len(problems) - _SHOWN} more definitions"]
    return problems


def _expected_rows(item: TableDigest, found: Mapping[str, TableDigest], unlogged: frozenset[str]) -> int:
    emptied = item.table in unlogged and item.table in found and found[item.table].rows == 0
    return 0 if emptied else item.rows


def _written(connection: Connection, run: str) -> frozenset[Row]:
    for statement in TEXT_FORMAT:
        connection.execute(statement)
    return frozenset(Row(**row) for row in connection.execute(query("written_rows"), {"run": run}))


def _sequences_behind(connection: Connection) -> tuple[int, list[str]]:
    """How many sequences feed a column, and a sentence for each that would give a number which is taken."""
    asked = connection.execute(query("sequences_behind")).fetchall()
    problems = []
    for item in asked:
        row = connection.execute(item["statement"].encode()).fetchone()
        if row is None or row["behind"]:
            problems.append(f"sequence {item['sequence']} stands behind its column")
    return len(asked), problems


def _generated_wrong(connection: Connection) -> int:
    row = connection.execute(query("generated_wrong")).fetchone()
    return int(row["n"]) if row else 0
