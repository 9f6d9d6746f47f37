"""Is everything in it? Tables and rows against what was there, extensions, and who may what."""

from __future__ import annotations

from collections.abc import Iterator

from dr.catalog.expected import Expected
from dr.configuration.model import System
from dr.operations.check_source import source_url
from dr.operations.verify_recovery.asking import Question
from dr.policy.compare_expected import (
    GUESSED_AT_LEAST,
    few,
    lacking,
    missing_extensions,
    missing_tables,
    shrunken,
    suspicious,
)
from dr.policy.recovered_state import Finding, Said
from dr.postgres.inspection import dumped_tables
from dr.postgres.questions import Counted, asking, count_rows, extensions, extensions_without_files
from dr.postgres.rights import rights

_OLDER = "Restore a newer backup or to a later moment; where rows were removed on purpose since: --may-shrink PERCENT."
_ESTIMATED = (
    "Compare with a dump or a baseline, which count: --against; for rows removed on purpose: --may-shrink PERCENT."
)
_LEEWAY_SECONDS = 5.0
NOTHING_EXPECTED = "nothing is known of what was there before: dr validate-recovery --baseline FILE keeps it"

UNLOGGED = "unlogged tables"


def rows_lane(system: System, expected: Expected | None, seconds: float) -> tuple[Question, ...]:
    """Counting takes as long as it is given, so nothing stands behind it."""
    return (Question("rows", seconds + _LEEWAY_SECONDS, lambda: _rows(system, expected, seconds)),)


def contents_questions(system: System, expected: Expected | None, seconds: float) -> tuple[Question, ...]:
    """What can be told without reading the tables."""
    return (
        Question("tables", seconds, lambda: _tables(system, expected, seconds)),
        Question("extensions", seconds, lambda: _extensions(system, expected, seconds)),
        Question("roles and grants", seconds, lambda: _rights(system, expected, seconds)),
    )


def _tables(system: System, expected: Expected | None, seconds: float) -> Iterator[Finding]:
    with asking(source_url(system), seconds) as connection:
        there = {table.name for table in dumped_tables(connection)}
    if expected is None or not expected.tables:
        told = f"{len(there)} are there; {NOTHING_EXPECTED}"
        yield Finding(
            "tables", Said.FAILED if not there else Said.UNPROVEN, told, "Name a backup with --against LABEL."
        )
        return
    missing = missing_tables(expected, there)
    if missing:
        detail = f"{len(missing)} of {len(expected.tables)} are missing ({expected.origin}): {few(missing)}"
        yield Finding("tables", Said.FAILED, detail, _OLDER)
        return
    yield Finding("tables", Said.PASSED, f"all {len(expected.tables)} of {expected.origin} are there")


def _rows(system: System, expected: Expected | None, seconds: float) -> Iterator[Finding]:
    counted = count_rows(source_url(system), seconds)
    emptied = sorted(name for name in counted.unlogged if counted.rows.get(name) == 0)
    if counted.unreadable:
        told = few(tuple(f"{name}: {error}" for name, error in sorted(counted.unreadable.items())))
        denied = all("permission denied" in error for error in counted.unreadable.values())
        mend = "GRANT pg_read_all_data to the role." if denied else "See dr recover-db --dry-run for another backup."
        yield Finding("readable", Said.UNPROVEN if denied else Said.FAILED, told, mend)
    if counted.uncounted:
        told = f"{few(counted.uncounted)}: not counted within {seconds:.0f} s"
        yield Finding("rows counted", Said.UNPROVEN, told, "Give it longer: --seconds.")
    yield _compared(expected, counted, tuple(emptied))
    if emptied:
        told = f"{few(tuple(emptied))}: empty after a crash or a recovery, as PostgreSQL means it"
        yield Finding(UNLOGGED, Said.PASSED, told)


def _compared(expected: Expected | None, counted: Counted, emptied: tuple[str, ...]) -> Finding:
    total = f"{sum(counted.rows.values())} rows in {len(counted.rows)} tables counted"
    if expected is None or not expected.tables:
        return Finding("rows", Said.PASSED, f"{total}; compared with nothing")
    fewer = shrunken(expected, counted.rows, emptied)
    doubtful = suspicious(expected, counted.rows)
    if fewer:
        return Finding("rows", Said.FAILED, f"{few((*fewer, *doubtful))} ({expected.origin})", _OLDER)
    if doubtful:
        told = f"{few(doubtful)}, by the planner's estimates ({expected.origin})"
        return Finding("rows", Said.UNPROVEN, told, _ESTIMATED)
    if not expected.exact:
        told = f"none that {expected.origin} estimates at {GUESSED_AT_LEAST} or more has less than half of that"
        return Finding("rows", Said.PASSED, f"{total}; {told}")
    return Finding("rows", Said.PASSED, f"{total}; none has fewer than {expected.origin} says")


def _extensions(system: System, expected: Expected | None, seconds: float) -> Iterator[Finding]:
    with asking(source_url(system), seconds) as connection:
        there, without = extensions(connection), extensions_without_files(connection)
    told = ", ".join(f"{name} {version}" for name, version in there.items())
    if without:
        detail = f"{', '.join(without)}: not installed on the server's host"
        yield Finding("extensions", Said.FAILED, detail, "Install their packages there.")
    elif expected is None or expected.extensions is None:
        yield Finding("extensions", Said.PASSED, f"{told}; which there were is not known")
    elif gone := missing_extensions(expected.extensions, there):
        yield Finding(
            "extensions",
            Said.FAILED,
            f"{few(gone)} ({expected.origin})",
            "CREATE EXTENSION, or ALTER EXTENSION UPDATE.",
        )
    else:
        yield Finding("extensions", Said.PASSED, told)


def _rights(system: System, expected: Expected | None, seconds: float) -> Iterator[Finding]:
    with asking(source_url(system), seconds) as connection:
        there = rights(connection)
    wanted = expected.rights if expected is not None else None
    if wanted is None:
        told = f"{len(there.roles)} roles"
        if expected is not None and expected.notes:
            mend = "See why they cannot be read here, or compare with a baseline: --against FILE."
            yield Finding("roles and grants", Said.UNPROVEN, f"{told}; {'; '.join(expected.notes)}", mend)
            return
        yield Finding("roles and grants", Said.NOT_ASKED, f"{told}; which there were is not known")
        return
    gone = [f"role {name}" for name in lacking(wanted.roles, there.roles)]
    gone += [f"{name}" for name in lacking(wanted.memberships, there.memberships)]
    gone += lacking(wanted.grants or (), there.grants or ())
    if gone:
        mend = "Restore the globals of the dump (dr recover-db does), or GRANT what is missing."
        yield Finding("roles and grants", Said.FAILED, f"missing: {few(tuple(gone))}", mend)
        return
    told = f"{len(wanted.roles)} roles, {len(wanted.memberships)} memberships"
    told += f", {len(wanted.grants)} grants" if wanted.grants is not None else "; grants were not compared"
    yield Finding("roles and grants", Said.PASSED, told)
