"""Questions to a running server that somebody wants to rely on again, each with a time limit.

They only read, but for ``write_once``. A server that does not come back in time raises ``StepTimedOut``; that one hangs
altogether is for the caller to see, who waits on a clock of his own.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import psycopg
from psycopg import sql

from dr.catalog.canary import Beat
from dr.catalog.lsn import Lsn
from dr.errors import SourceError, StepTimedOut
from dr.postgres import canary
from dr.postgres.connection import Connection, connected, display_name
from dr.postgres.queries import query
from dr.secret import Secret

_LIMIT = "SELECT set_config('statement_timeout', %s, false), set_config('lock_timeout', '0', false)"


@contextmanager
def asking(url: Secret, seconds: float) -> Iterator[Connection]:
    """A connection on which no statement takes longer than ``seconds``."""
    with connected(url) as connection:
        _limit(connection, seconds)
        try:
            yield connection
        except psycopg.errors.QueryCanceled as error:
            raise StepTimedOut(
                f"{display_name(url)} did not answer within {seconds:.0f} s",
                " ".join(str(error).split()),
                "Give it longer (--seconds), or see what holds it up in pg_stat_activity.",
            ) from error


def _limit(connection: Connection, seconds: float) -> None:
    connection.execute(_LIMIT, (f"{max(1, int(seconds * 1000))}",))


@dataclass(frozen=True, slots=True)
class WhereItIs:
    """``now`` by the server's clock; ``timeline`` None while it is in recovery. ``read_only``: sessions by default."""

    in_recovery: bool
    now: datetime
    read_only: bool
    timeline: int | None
    lsn: Lsn | None


def where_it_is(connection: Connection) -> WhereItIs:
    """Whether it takes writes, and where its WAL is."""
    row = connection.execute(query("where_it_is")).fetchone()
    if row is None:
        raise SourceError("the server does not say where it is", hint="Look into its log.")
    lsn = Lsn.parse(row["lsn"]) if row["lsn"] else None
    return WhereItIs(row["in_recovery"], row["now"].astimezone(UTC), row["read_only"], row["timeline"], lsn)


def write_once(connection: Connection) -> Beat | None:
    """A row in our own table, committed. None when the role may only commit a message in the WAL, which it then did."""
    try:
        try:
            return canary.beat(connection)
        except psycopg.errors.UndefinedTable:
            canary.create_table(connection)
            return canary.beat(connection)
    except psycopg.errors.InsufficientPrivilege:
        connection.execute(query("write_behind"))
        return None


def last_beat(connection: Connection) -> Beat | None:
    """The newest canary row, and None where the table is not there or may not be read."""
    try:
        return canary.last_beat(connection)
    except psycopg.errors.InsufficientPrivilege:
        return None


def extensions(connection: Connection) -> Mapping[str, str]:
    """Name and version of what is installed in this database."""
    rows = connection.execute("SELECT extname, extversion FROM pg_extension ORDER BY extname").fetchall()
    return {str(row["extname"]): str(row["extversion"]) for row in rows}


def extensions_without_files(connection: Connection) -> tuple[str, ...]:
    """Extensions of which the host has not the files: every function of theirs fails when it is called."""
    rows = connection.execute(
        "SELECT extname FROM pg_extension WHERE extname NOT IN (SELECT name FROM pg_available_extensions) ORDER BY 1"
    ).fetchall()
    return tuple(str(row["extname"]) for row in rows)


@dataclass(frozen=True, slots=True)
class Counted:
    """Rows by table; ``uncounted`` are those for which there was no time, ``unreadable`` those that gave an error."""

    rows: Mapping[str, int]
    unlogged: frozenset[str]
    uncounted: tuple[str, ...]
    unreadable: Mapping[str, str]


def count_rows(url: Secret, seconds: float) -> Counted:
    """Every ordinary table, the smallest first, for ``seconds`` in all."""
    deadline = time.monotonic() + seconds
    rows: dict[str, int] = {}
    unreadable: dict[str, str] = {}
    uncounted: list[str] = []
    with asking(url, seconds) as connection:
        tables = connection.execute(query("relation_sizes")).fetchall()
        for table in tables:
            left = deadline - time.monotonic()
            if left <= 0:
                uncounted.append(table["name"])
                continue
            _limit(connection, left)
            try:
                counted = connection.execute(
                    sql.SQL("SELECT count(*) AS n FROM {}").format(sql.Identifier(table["schema"], table["relation"]))
                ).fetchone()
                rows[table["name"]] = int(counted["n"]) if counted else 0
            except psycopg.errors.QueryCanceled:
                uncounted.append(table["name"])
            except psycopg.errors.UndefinedTable:
                continue  # dropped since it was listed; it is missing to whoever expects it
            except psycopg.OperationalError:
                raise
            except psycopg.Error as error:
                unreadable[table["name"]] = " ".join(str(error).split())
    unlogged = frozenset(table["name"] for table in tables if table["unlogged"])
    return Counted(rows, unlogged, tuple(uncounted), unreadable)


@dataclass(frozen=True, slots=True)
class Sequences:
    """How many columns are fed by one, which of those stand behind, and which could not be asked."""

    asked: int
    behind: tuple[str, ...]
    unasked: tuple[str, ...]


def sequences_behind(connection: Connection) -> Sequences:
    """Sequences whose next number a column has already: the next INSERT would fail, or overwrite what it means."""
    behind: list[str] = []
    unasked: list[str] = []
    columns = connection.execute(query("sequence_columns")).fetchall()
    for item in columns:
        name = f"{item['sequence_schema']}.{item['sequence_name']}"
        column = f"{item['table_schema']}.{item['table_name']}.{item['column_name']}"
        rising = item["increment"] > 0
        try:
            row = connection.execute(
                sql.SQL("SELECT last_value, is_called, (SELECT {}({}) FROM {}) AS taken FROM {}").format(
                    sql.SQL("max" if rising else "min"),
                    sql.Identifier(item["column_name"]),
                    sql.Identifier(item["table_schema"], item["table_name"]),
                    sql.Identifier(item["sequence_schema"], item["sequence_name"]),
                )
            ).fetchone()
        except (psycopg.errors.InsufficientPrivilege, psycopg.errors.QueryCanceled) as error:
            unasked.append(f"{name}: {' '.join(str(error).split())}")
            continue
        if row is None or row["taken"] is None:
            continue
        following = row["last_value"] + (item["increment"] if row["is_called"] else 0)
        if (following <= row["taken"]) if rising else (following >= row["taken"]):
            behind.append(f"{name} gives {following} next, and {column} has {row['taken']}")
    return Sequences(len(columns), tuple(behind), tuple(unasked))


@dataclass(frozen=True, slots=True)
class Unsound:
    """One thing that PostgreSQL itself does not rely on, and the SQL that mends it."""

    kind: str
    name: str
    mend: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


def unsound(connection: Connection) -> tuple[Unsound, ...]:
    """Invalid indexes, constraints that were never checked, materialized views without content."""
    return tuple(Unsound(**row) for row in connection.execute(query("unsound")).fetchall())


def other_collations(connection: Connection) -> tuple[Unsound, ...]:
    """Collations that changed below the indexes. What a server before 15 sorted by default it does not record."""
    found = [("collation", row) for row in connection.execute(query("used_collations")).fetchall()]
    if connection.info.server_version >= 150000:
        found += [("database", row) for row in connection.execute(query("database_collations")).fetchall()]
    return tuple(
        Unsound(kind, f"{row['name']} was sorted by version {row['was']}, {row['now']} is installed", row["mend"])
        for kind, row in found
    )


@dataclass(frozen=True, slots=True)
class ChecksumFailures:
    """Damaged pages met since the statistics begin; ``checksums`` False: nobody would notice one."""

    checksums: bool
    failures: int
    last_failure: datetime | None
    databases: str


def checksum_failures(connection: Connection) -> ChecksumFailures:
    """Of all databases of the cluster."""
    on = connection.execute("SELECT current_setting('data_checksums') = 'on' AS checksums").fetchone()
    rows = connection.execute(query("checksum_failures")).fetchall()
    moments = [row["last"] for row in rows if row["last"] is not None]
    return ChecksumFailures(
        checksums=bool(on and on["checksums"]),
        failures=sum(row["count"] for row in rows),
        last_failure=max(moments, default=None),
        databases=", ".join(row["database"] for row in rows),
    )
