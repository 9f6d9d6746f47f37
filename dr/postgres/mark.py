"""A mark in the WAL, and what the rows at that mark speak of outside of the database."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime

import psycopg

from dr.catalog.lsn import Lsn
from dr.errors import SourceError
from dr.postgres.connection import Connection, connected
from dr.postgres.queries import query
from dr.secret import Secret

_AT_ONCE = 5_000
_DEADLINE_SECONDS = 600
_WRITE_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Mark:
    """Everything committed by ``at``, the server's clock, lies before ``lsn``; on a standby, what it had replayed then.

    ``timeline`` None: a standby that receives nothing does not tell.
    """

    at: datetime
    lsn: Lsn
    timeline: int | None


@dataclass(frozen=True, slots=True)
class Named:
    """What a statement answered; ``problem`` says why it did not, in PostgreSQL's words."""

    paths: tuple[str, ...] = ()
    problem: str = ""


@contextmanager
def marking(url: Secret) -> Iterator[tuple[Mark, Connection]]:
    """The mark, and a connection whose snapshot was taken after it.

    In that order: rows that the snapshot sees and the mark does not lead to more files being looked for, never fewer.
    """
    with connected(url, autocommit=False) as connection:
        row = connection.execute(query("mark")).fetchone()
        connection.rollback()
        if row is None or row["lsn"] is None or row["server_time"] is None:
            raise SourceError("the server does not tell where its WAL is", hint="Look into its log.")
        mark = Mark(row["server_time"].astimezone(UTC), Lsn.parse(row["lsn"]), row["timeline"])
        if not row["standby"]:
            _write_behind(connection)
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        try:
            yield mark, connection
        finally:
            with suppress(psycopg.Error):
                connection.rollback()


def _write_behind(connection: Connection) -> None:
    """Leave a record after the mark: replay stops at a mark only when something comes after it, and nobody may write.

    It waits for no synchronous standby: one that is away would keep the backup from beginning. Where the role may not
    write, the next commit of anybody does as well.
    """
    try:
        connection.execute("SET LOCAL synchronous_commit = 'local'")
        connection.execute("SELECT set_config('statement_timeout', %s, true)", (f"{_WRITE_SECONDS * 1000}",))
        connection.execute(query("write_behind"))
        connection.commit()
    except (
        psycopg.errors.ReadOnlySqlTransaction,
        psycopg.errors.InsufficientPrivilege,
        psycopg.errors.QueryCanceled,
    ):
        connection.rollback()


def referenced_paths(connection: Connection, statement: str) -> Named:
    """The first column of every row, each path once. What goes wrong is told, not raised: it is no reason not to back
    up what the statement was to be compared with.
    """
    found: dict[str, None] = {}
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
                    found[str(first)] = None
    except psycopg.Error as error:
        return Named(problem=" ".join(str(error).split()))
    return Named(tuple(found))
