"""A mark in the WAL, and what the rows at that mark speak of outside of the database."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import psycopg

from dr.catalog.lsn import Lsn
from dr.errors import ConfigurationError, SourceError
from dr.postgres.connection import Connection, connected
from dr.postgres.queries import query
from dr.secret import Secret

_AT_ONCE = 5_000
_DEADLINE_SECONDS = 600


@dataclass(frozen=True, slots=True)
class Mark:
    """Everything committed by ``at``, the server's clock, lies before ``lsn``. ``timeline`` None: a standby's."""

    at: datetime
    lsn: Lsn
    timeline: int | None


@contextmanager
def marking(url: Secret) -> Iterator[tuple[Mark, Connection]]:
    """The mark, and a connection whose snapshot was taken after it.

    In that order: rows that the snapshot sees and the mark does not lead to more files being looked for, never fewer.
    """
    with connected(url, autocommit=False) as connection:
        row = connection.execute(query("mark")).fetchone()
        connection.rollback()
        if row is None or row["lsn"] is None:
            raise SourceError("the server does not tell where its WAL is", hint="Look into its log.")
        mark = Mark(row["server_time"].astimezone(UTC), Lsn.parse(row["lsn"]), row["timeline"])
        _write_behind(connection)
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        try:
            yield mark, connection
        finally:
            connection.rollback()


def _write_behind(connection: Connection) -> None:
    """Leave a record after the mark: replay stops at a mark only when something comes after it, and nobody may write.

    A standby, and a role whose transactions may only read, leave none; then the next commit of anybody does.
    """
    try:
        connection.execute(query("write_behind"))
        connection.commit()
    except (psycopg.errors.ReadOnlySqlTransaction, psycopg.errors.ObjectNotInPrerequisiteState):
        connection.rollback()
    except psycopg.errors.InsufficientPrivilege:
        connection.rollback()


def referenced_paths(connection: Connection, statement: str) -> Iterator[str]:
    """The first column of every row. Raises ConfigurationError when the statement does not run."""
    try:
        connection.execute("SELECT set_config('statement_timeout', %s, true)", (f"{_DEADLINE_SECONDS * 1000}",))
        # Named by its content: a server-side cursor holds the rows, however many there are.
        name = "dr_" + hashlib.sha256(statement.encode()).hexdigest()[:16]
        with connection.cursor(name) as cursor:
            cursor.itersize = _AT_ONCE
            cursor.execute(statement.strip().rstrip(";").encode())
            for row in cursor:
                first = next(iter(row.values()), None)
                if first is not None:
                    yield str(first)
    except psycopg.Error as error:
        raise ConfigurationError(
            "the statement in point.references does not run",
            detail=" ".join(str(error).split()),
            hint="Give one SELECT whose first column is a path. The role needs the right to read those tables.",
        ) from error
