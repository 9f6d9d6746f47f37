"""What a server says about itself: version, identity, rights, and what its database holds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import LiteralString

import psycopg

from dr.catalog.manifest import DatabaseShape
from dr.errors import SourceError
from dr.postgres.connection import Connection, connected, replication_connection
from dr.postgres.queries import query
from dr.postgres.questions import asking
from dr.postgres.replication import identify_system
from dr.secret import Secret


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """One server as seen by the configured role. ``version`` is ``server_version_num``; sizes in bytes.

    ``exercise`` is the run that has recovered it for practice; empty for what is no exercise's.
    """

    version: int
    system_identifier: str
    in_recovery: bool
    database: str
    role: str
    superuser: bool
    replication: bool
    data_checksums: bool
    wal_level: str
    database_bytes: int
    bootstrap_superuser: str
    exercise: str = ""

    @property
    def major(self) -> int:
        return self.version // 10000


@dataclass(frozen=True, slots=True)
class DumpedTable:
    """A table that a complete dump must create; ``has_rows`` is False for partitioned parents."""

    name: str
    has_rows: bool
    estimate: int


def read_facts(url: Secret, seconds: float | None = None) -> ServerFacts:
    """Ask the server who it is. Works with any role that can connect. Raises ``StepTimedOut`` after ``seconds``."""
    with connected(url) if seconds is None else asking(url, seconds) as connection:
        row = connection.execute(query("server_facts")).fetchone()
        if row is None:
            raise SourceError("the server does not know the role it let in", hint="Look into pg_roles.")
        return ServerFacts(system_identifier=_identifier(connection, url), **row)


def exercise_of(connection: Connection) -> str:
    """The run that has recovered this server for practice; empty for what is no exercise's."""
    row = connection.execute("SELECT current_setting('coreflow360_dr.exercise', true) AS run").fetchone()
    return str(row["run"] or "") if row else ""


def _identifier(connection: Connection, url: Secret) -> str:
    """From the control file; a managed server may hide that from SQL and show it to a replication connection."""
    try:
        row = connection.execute(query("system_identifier")).fetchone()
    except psycopg.errors.InsufficientPrivilege:
        raw = replication_connection(url)
        try:
            return identify_system(raw, url).system_identifier
        finally:
            raw.finish()
    return str(row["system_identifier"]) if row else ""


def dumped_tables(connection: Connection) -> tuple[DumpedTable, ...]:
    """The tables that a dump taken in this connection's snapshot must contain."""
    return tuple(DumpedTable(**row) for row in connection.execute(query("dumped_tables")))


def database_shape(connection: Connection) -> DatabaseShape:
    """How to make the same empty database again."""
    row = connection.execute(query("database_shape")).fetchone()
    if row is None:
        raise SourceError("the server does not list its own database", hint="Look into pg_database.")
    return DatabaseShape(**row)


@dataclass(frozen=True, slots=True)
class BackupEnd:
    """When a base backup had ended, by the server's clock; transactions from ``next_xid`` (64 bits) on began later."""

    server_end: datetime
    next_xid: int


def backup_end(connection: Connection) -> BackupEnd:
    """Ask right after the backup has ended: what the server commits from now on is not needed to make it consistent."""
    row = connection.execute(query("backup_end")).fetchone()
    if row is None:
        raise SourceError("the server does not tell its time", hint="Look into the server's log.")
    return BackupEnd(row["server_end"].astimezone(UTC), int(row["next_xid"]))


def user_object_count(url: Secret, database: str | None = None) -> int:
    """How many tables, views and sequences users have put into a database."""
    with connected(url, database=database) as connection:
        row = connection.execute(query("user_objects")).fetchone()
        return int(row["count"]) if row else 0


def scalar(connection: Connection, statement: LiteralString) -> object:
    """The single value of a one-row, one-column query."""
    row = connection.execute(statement).fetchone()
    return next(iter(row.values())) if row else None
