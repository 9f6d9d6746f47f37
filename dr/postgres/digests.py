"""Rows and content digests of tables, comparable between servers, versions and physical layouts.

The digest adds up half of the MD5 of every row's text, so neither the order of rows nor collation matters, and no sort
or large aggregate is needed. Session settings that change how values are written are fixed first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import psycopg
from psycopg import sql

from dr.postgres.connection import Connection
from dr.postgres.queries import query

# Only a sequential scan reads every page of a table: an index answers count(*) without looking at the heap.
_SEQUENTIAL = (
    "SET enable_seqscan = on",
    "SET enable_indexscan = off",
    "SET enable_indexonlyscan = off",
    "SET enable_bitmapscan = off",
    "SET statement_timeout = 0",
)
# What changes how values are written as text, so that digests of two servers can be compared.
TEXT_FORMAT = (
    "SET datestyle = 'ISO, YMD'",
    "SET intervalstyle = 'postgres'",
    "SET timezone = 'UTC'",
    "SET extra_float_digits = 3",
    "SET bytea_output = 'hex'",
    "SET statement_timeout = 0",
)


@dataclass(frozen=True, slots=True)
class UserTable:
    """A table of users: as PostgreSQL names it, on one line for people and manifests, and its table of long values."""

    schema: str
    name: str
    shown: str
    toast: str | None = None

    @property
    def identifier(self) -> sql.Identifier:
        return sql.Identifier(self.schema, self.name)


@dataclass(frozen=True, slots=True)
class TableDigest:
    """Exact rows and the digest of their content."""

    table: str
    rows: int
    digest: str


@dataclass(frozen=True, slots=True)
class ReadThrough:
    """Rows of every table that could be read, and PostgreSQL's message for those that could not."""

    counts: Mapping[str, int]
    unreadable: tuple[str, ...]


def user_tables(connection: Connection) -> tuple[UserTable, ...]:
    """Ordinary tables, partitions included, partitioned parents not (they hold nothing)."""
    return tuple(UserTable(**row) for row in connection.execute(query("base_tables")))


def count_rows(connection: Connection, table: UserTable) -> int:
    """Count by reading every page, in a session made for it; a damaged page makes PostgreSQL report it here.

    Its own rows only: what inherits from it is a table too, and counted by itself.
    """
    return _count(connection, table.identifier)


def _count(connection: Connection, table: sql.Identifier) -> int:
    row = connection.execute(sql.SQL("SELECT count(*) AS n FROM ONLY {}").format(table)).fetchone()
    return int(row["n"]) if row else 0


def read_through(connection: Connection, *, out_of_line: bool) -> ReadThrough:
    """Read every page of every table; one that PostgreSQL cannot read is noted and the rest is read.

    ``out_of_line``: also the TOAST tables, where long values lie. It takes a superuser, and is of use only for a
    physical copy: a loaded dump has no pages that anybody else wrote.
    """
    for statement in _SEQUENTIAL:
        connection.execute(statement)
    counts: dict[str, int] = {}
    unreadable: list[str] = []
    for table in user_tables(connection):
        try:
            counts[table.shown] = count_rows(connection, table)
            if out_of_line and table.toast is not None:
                _count(connection, sql.Identifier("pg_toast", table.toast))
        except psycopg.OperationalError:
            raise  # the server itself has gone
        except psycopg.Error as error:
            unreadable.append(f"{table.shown}: {' '.join(str(error).split())}")
    return ReadThrough(counts, tuple(unreadable))


def digest_tables(connection: Connection, tables: tuple[UserTable, ...]) -> Iterator[TableDigest]:
    """One digest per table, read through completely."""
    for statement in TEXT_FORMAT:
        connection.execute(statement)
    for table in tables:
        row = connection.execute(
            sql.SQL(
                "SELECT count(*) AS n, "
                "coalesce(sum(('x' || left(md5(t::text), 16))::bit(64)::bigint::numeric), 0)::text AS d "
                "FROM ONLY {} AS t"
            ).format(table.identifier)
        ).fetchone()
        if row is not None:
            yield TableDigest(table.shown, int(row["n"]), row["d"])
