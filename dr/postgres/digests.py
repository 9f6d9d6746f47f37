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

_SESSION = (
    "SET datestyle = 'ISO, YMD'",
    "SET intervalstyle = 'postgres'",
    "SET timezone = 'UTC'",
    "SET extra_float_digits = 3",
    "SET bytea_output = 'hex'",
    "SET statement_timeout = 0",
)


@dataclass(frozen=True, slots=True)
class UserTable:
    """A table of users: as PostgreSQL names it, and on one line for people and manifests."""

    schema: str
    name: str
    shown: str

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
    """Count by reading: a damaged page makes PostgreSQL report it here."""
    row = connection.execute(sql.SQL("SELECT count(*) AS n FROM {}").format(table.identifier)).fetchone()
    return int(row["n"]) if row else 0


def read_through(connection: Connection) -> ReadThrough:
    """Read every table of the database; one that PostgreSQL cannot read is noted and the rest is read."""
    counts: dict[str, int] = {}
    unreadable: list[str] = []
    for table in user_tables(connection):
        try:
            counts[table.shown] = count_rows(connection, table)
        except psycopg.OperationalError:
            raise  # the server itself has gone
        except psycopg.Error as error:
            unreadable.append(f"{table.shown}: {' '.join(str(error).split())}")
    return ReadThrough(counts, tuple(unreadable))


def digest_tables(connection: Connection, tables: tuple[UserTable, ...]) -> Iterator[TableDigest]:
    """One digest per table, read through completely."""
    for statement in _SESSION:
        connection.execute(statement)
    for table in tables:
        row = connection.execute(
            sql.SQL(
                "SELECT count(*) AS n, "
                "coalesce(sum(('x' || left(md5(t::text), 16))::bit(64)::bigint::numeric), 0)::text AS d "
                "FROM {} AS t"
            ).format(table.identifier)
        ).fetchone()
        if row is not None:
            yield TableDigest(table.shown, int(row["n"]), row["d"])
