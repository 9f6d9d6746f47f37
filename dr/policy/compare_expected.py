"""What a recovered database has against what it has to have, in words. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from dr.catalog.expected import Expected
from dr.catalog.manifest import TableRows
from dr.policy.dump_contents import shortened

GUESSED_AT_LEAST = 1000
"""Below it the planner's guess may as well be of a table that was never analysed since it was emptied."""
TRIMMED = "dr_canary"
"""Our own table, of which old rows are removed all the time."""


def least_rows(expected: Expected, table: TableRows) -> int:
    """The fewest rows that are surely no loss. Of an estimate only this is sure: a full table is not empty."""
    if table.name.rpartition(".")[2] == TRIMMED:
        return 0
    if not expected.exact:
        return 1 if table.rows >= GUESSED_AT_LEAST else 0
    return math.ceil(table.rows * (1 - expected.shrink_percent / 100))


def missing_tables(expected: Expected, there: Iterable[str]) -> tuple[str, ...]:
    """Tables that are gone."""
    present = set(there)
    return tuple(table.name for table in expected.tables if table.name not in present)


def shrunken(expected: Expected, counts: Mapping[str, int], emptied: Iterable[str]) -> tuple[str, ...]:
    """Tables with fewer rows than they may have. ``emptied``: unlogged ones, which a recovery leaves empty."""
    excused = set(emptied)
    told = []
    for table in expected.tables:
        now, least = counts.get(table.name), least_rows(expected, table)
        if now is None or now >= least or (now == 0 and table.name in excused):
            continue
        told.append(_told(expected, table, now))
    return tuple(told)


def suspicious(expected: Expected, counts: Mapping[str, int]) -> tuple[str, ...]:
    """Tables with less than half of what they were estimated at: no estimate proves a loss, and none excuses that."""
    if expected.exact:
        return ()
    told = []
    for table in expected.tables:
        now, half = counts.get(table.name), table.rows * (1 - expected.shrink_percent / 100) / 2
        if now is None or table.rows < GUESSED_AT_LEAST or table.name.rpartition(".")[2] == TRIMMED:
            continue
        if least_rows(expected, table) <= now < half:
            told.append(_told(expected, table, now))
    return tuple(told)


def _told(expected: Expected, table: TableRows, now: int) -> str:
    about = "" if expected.exact else "about "
    return f"{table.name} has {now} rows, {about}{table.rows} were there"


def missing_extensions(expected: Mapping[str, str], there: Mapping[str, str]) -> tuple[str, ...]:
    """Extensions that are gone, or have another version than they had."""
    told = []
    for name, version in sorted(expected.items()):
        now = there.get(name)
        if now is None:
            told.append(f"{name} {version} is missing")
        elif now != version:
            told.append(f"{name} is {now}, was {version}")
    return tuple(told)


def lacking(expected: Iterable[str], there: Iterable[str]) -> tuple[str, ...]:
    """What is not there any more, in order."""
    return tuple(sorted(set(expected) - set(there)))


def few(items: tuple[str, ...]) -> str:
    """The first few of them, and how many more."""
    return shortened(items)
