"""Two dumps compared: what was dumped then against what is dumped, or read, now. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from dr.catalog.manifest import Contents

SHOWN = 5


def differing_tables(expected: Contents, found: Contents) -> tuple[str, ...]:
    """Tables that are missing, or whose rows or content are others, in words; content where both sides know it."""
    there = {table.name: table for table in found.tables}
    problems = []
    for table in expected.tables:
        now = there.get(table.name)
        if now is None:
            problems.append(f"{table.name} is missing ({table.rows} rows)")
        elif now.rows != table.rows:
            problems.append(f"{table.name}: {now.rows} rows instead of {table.rows}")
        elif table.digest and now.digest and table.digest != now.digest:
            problems.append(f"{table.name}: {table.rows} rows, but their content differs")
    known = {table.name for table in expected.tables}
    problems += [f"{table.name} is there and was not dumped" for table in found.tables if table.name not in known]
    return tuple(problems)


def differing_others(expected: Contents, found: Contents, *, sequences: bool = True) -> Iterator[str]:
    """The same for large objects, and for the sequences' values where those can be compared."""
    if expected.large_objects != found.large_objects:
        yield f"{found.large_objects} large objects instead of {expected.large_objects}"
    elif _differ(expected.large_objects_sha256, found.large_objects_sha256):
        yield f"{expected.large_objects} large objects, but their content differs"
    if sequences and expected.sequences_sha256:
        if expected.sequences != found.sequences:
            yield f"{found.sequences} sequences instead of {expected.sequences}"
        elif _differ(expected.sequences_sha256, found.sequences_sha256):
            yield f"{expected.sequences} sequences, but their values differ"


def same_definitions(expected: Contents, found: Contents) -> bool:
    """Whether both tables of contents are the same: every object by type and name."""
    return (expected.entries, expected.toc_sha256) == (found.entries, found.toc_sha256)


def differences(expected: Contents, found: Contents) -> tuple[str, ...]:
    """Everything that differs between a dump and the same dump read again."""
    problems = [*differing_tables(expected, found), *differing_others(expected, found)]
    if not same_definitions(expected, found):
        problems.append(f"its table of contents differs: {found.entries} entries, {expected.entries} were dumped")
    return tuple(problems)


def shortened(problems: tuple[str, ...]) -> str:
    """The first few, and how many more."""
    more = f"; and {len(problems) - SHOWN} more" if len(problems) > SHOWN else ""
    return "; ".join(problems[:SHOWN]) + more


def _differ(one: str, other: str) -> bool:
    return bool(one and other and one != other)
