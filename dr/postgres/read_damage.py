"""Read a running server's relations through, within a time, and say which cannot be read. Nothing is changed in it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC

import psycopg
from psycopg import sql

from dr.errors import ServerUnreachable, SourceError
from dr.policy.damage import ChecksumFailures, Damage, Damaged, What
from dr.postgres.amcheck import index_problem
from dr.postgres.connection import Connection, connected, with_database
from dr.postgres.queries import query
from dr.secret import Secret

_NO_DAMAGE = (psycopg.errors.QueryCanceled, psycopg.errors.InsufficientPrivilege, psycopg.errors.LockNotAvailable)
_BROKEN = ("XX", "58")
"""Classes of SQLSTATE: internal error with data or index corrupted, and what the operating system does not give."""
_SESSION = (
    "SET enable_indexscan = off",
    "SET enable_indexonlyscan = off",
    "SET enable_bitmapscan = off",
    "SET max_parallel_workers_per_gather = 0",
    "SET lock_timeout = '2s'",
)


@dataclass(frozen=True, slots=True)
class NamedFile:
    """The relation that a file of the data directory belongs to."""

    database: str
    what: What
    name: str


@dataclass(slots=True)
class _Look:
    deadline: float
    damaged: list[Damaged] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    count: int = 0

    @property
    def milliseconds(self) -> int:
        return int((self.deadline - time.monotonic()) * 1000)


def read_damage(url: Secret, seconds: float) -> tuple[Damage, Mapping[str, NamedFile]]:
    """What cannot be read in any database, and which file is whose. What is cached was not read from disk.

    Indexes are compared with their tables after all tables were read, as far as the time reaches.
    """
    look = _Look(time.monotonic() + seconds)
    files: dict[str, NamedFile] = {}
    try:
        with connected(url) as connection:
            databases = [row["datname"] for row in connection.execute(query("open_databases"))]
    except SourceError as error:
        return Damage(False, f"{error.message} {error.detail}".strip()), files
    for database in databases:
        _read_database(with_database(url, database), database, look, files)
    return (
        Damage(
            True,
            damaged=tuple(look.damaged),
            checksum_failures=_checksum_failures(url, look),
            looked_at=look.count,
            not_looked_at=tuple(look.skipped),
            notes=tuple(look.notes),
        ),
        files,
    )


def _checksum_failures(url: Secret, look: _Look) -> tuple[ChecksumFailures, ...]:
    """Asked last: what was just read has been counted too."""
    try:
        with connected(url) as connection:
            rows = connection.execute(query("checksum_failures")).fetchall()
    except SourceError as error:
        look.notes.append(f"checksum failures could not be asked for: {error.message}")
        return ()
    return tuple(
        ChecksumFailures(row["database"], row["count"], row["last"].astimezone(UTC) if row["last"] else None)
        for row in rows
    )


def _read_database(url: Secret, database: str, look: _Look, files: dict[str, NamedFile]) -> None:
    reading = "its catalogs"
    try:
        with connected(url) as connection:
            # What is counted twice is counted in one snapshot: others may still be writing.
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            for statement in _SESSION:
                connection.execute(statement.encode())
            for row in connection.execute(query("relation_files")):
                files[row["path"]] = NamedFile(database, What(row["what"]), row["shown"])
            for row in connection.execute(query("relations_to_read")).fetchall():
                reading = row["shown"]
                _read(connection, database, row, look)
            for row in connection.execute(query("btree_indexes")).fetchall():
                reading = row["index_name"]
                _read_index(connection, database, row, look)
    except ServerUnreachable as error:
        # A server that goes away at a relation is told with its name: others may be damaged as well.
        look.damaged.append(Damaged(database, What.TABLE, reading, f"the server went away: {error.detail}"))
    except SourceError as error:
        said = f"{error.message} {error.detail}".strip()
        if (getattr(error.__cause__, "sqlstate", None) or "")[:2] in _BROKEN:
            look.damaged.append(Damaged(database, What.CATALOG, reading, said))
        else:
            look.notes.append(f"{database} was read up to {reading} only: {said}")


def _read(connection: Connection, database: str, row: Mapping[str, str], look: _Look) -> None:
    if look.milliseconds <= 0:
        look.skipped.append(f"{database}: {row['shown']}")
        return
    statement = sql.SQL("SELECT count(*) FROM ONLY {}").format(sql.Identifier(row["schema"], row["name"]))
    try:
        connection.execute("SELECT set_config('statement_timeout', %s, false)", (str(look.milliseconds),))
        connection.execute(statement)
        look.count += 1
    except _NO_DAMAGE as error:
        look.skipped.append(f"{database}: {row['shown']} ({type(error).__name__})")
    except psycopg.Error as error:
        if connection.closed:
            raise
        said = " ".join(str(error).split())
        look.damaged.append(Damaged(database, What(row["what"]), row["owner"] or row["shown"], said))


def _read_index(connection: Connection, database: str, row: Mapping[str, str], look: _Look) -> None:
    if look.milliseconds <= 0:
        look.skipped.append(f"{database}: {row['index_name']}")
        return
    if any((item.database, item.name) == (database, row["table_shown"]) for item in look.damaged):
        return  # what is compared with a table that cannot be read says nothing
    connection.execute("SELECT set_config('statement_timeout', %s, false)", (str(look.milliseconds),))
    problem = index_problem(connection, row["definition_schema"], row["table_name"], int(row["index_oid"]))
    look.count += 1
    if problem and "statement timeout" not in problem and "lock timeout" not in problem:
        look.damaged.append(Damaged(database, What.INDEX, row["index_name"], problem))
    for statement in _SESSION:
        connection.execute(statement.encode())
