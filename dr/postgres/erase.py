"""Run the statements that erase people, and those that must find nothing: the subject is bound, never put into SQL."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import psycopg

from dr.postgres.connection import Connection, connected
from dr.postgres.named_parameter import Statement
from dr.secret import Secret


@dataclass(frozen=True, slots=True)
class Ran:
    """Rows that were changed or removed, of how many statements; ``left`` names checks that found somebody."""

    statements: int
    rows: int
    left: tuple[str, ...]


def erase_in(
    url: Secret,
    subjects: Sequence[str],
    erasing: Sequence[tuple[str, Statement]],
    checks: Sequence[tuple[str, Statement]],
    parameter: str,
    timeout_seconds: float,
) -> Ran:
    """Erase every subject in one transaction, which is kept only if no check finds one of them afterwards.

    Statements come with the name of their file. Raises ``SourceError`` with PostgreSQL's message, which may quote what
    was erased, so callers show its ``message`` and not its detail.
    """
    with connected(url, autocommit=False) as connection:
        limit = f"{int(timeout_seconds * 1000)}"
        connection.execute("SELECT set_config('statement_timeout', %s, true)", (limit,))
        # What a session of the application is kept from seeing must be erased all the same, or the statement must fail.
        connection.execute("SET LOCAL row_security = off")
        ran = sum(_changed(connection, item, subject, parameter) for subject in subjects for _, item in erasing)
        left = tuple(dict.fromkeys(_found(connection, subjects, checks, parameter)))
        if left:
            connection.rollback()
        else:
            connection.commit()
    return Ran(len(erasing) * len(subjects), ran, left)


def _changed(connection: Connection, item: Statement, subject: str, parameter: str) -> int:
    return max(connection.execute(item.text.encode(), {parameter: subject}).rowcount, 0)


def _found(
    connection: Connection, subjects: Sequence[str], checks: Sequence[tuple[str, Statement]], parameter: str
) -> Iterator[str]:
    for name, item in checks:
        for subject in subjects:
            cursor: psycopg.Cursor[dict[str, object]] = connection.execute(item.text.encode(), {parameter: subject})
            if cursor.description is not None and cursor.fetchone() is not None:
                yield name
