"""Run somebody else's SQL and hand back what it answered, or PostgreSQL's own message."""

from __future__ import annotations

from dataclasses import dataclass

import psycopg
from psycopg.pq.abc import PGresult

from dr.postgres.connection import connected
from dr.secret import Secret

_CANCELLED = "57014"


@dataclass(frozen=True, slots=True)
class Answered:
    """The rows of the last statement, as PostgreSQL writes them; ``error`` is its message when there are none."""

    rows: tuple[tuple[str | None, ...], ...] = ()
    error: str = ""


def ask(url: Secret, statements: str, *, timeout_seconds: float) -> Answered:
    """In a transaction that may only read and is rolled back. Raises SourceError when the server itself has gone."""
    with connected(url, autocommit=False) as connection, connection.cursor() as cursor:
        try:
            cursor.execute("SET TRANSACTION READ ONLY")
            cursor.execute("SELECT set_config('statement_timeout', %s, true)", (f"{int(timeout_seconds * 1000)}",))
            cursor.execute(statements.encode())
            while cursor.nextset():
                pass
            return Answered(_rows(cursor.pgresult))
        except psycopg.Error as error:
            if isinstance(error, psycopg.OperationalError) and error.sqlstate != _CANCELLED:
                raise
            return Answered(error=" ".join(str(error).split()))
        finally:
            if not connection.closed:
                connection.rollback()


def _rows(result: PGresult | None) -> tuple[tuple[str | None, ...], ...]:
    if result is None:
        return ()
    return tuple(
        tuple(_text(result.get_value(row, column)) for column in range(result.nfields)) for row in range(result.ntuples)
    )


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode(errors="replace")
