"""The logical dump of one database, and the globals without which it cannot be restored elsewhere.

Everything is read in one exported snapshot: the dump, the list of tables that it must contain, and its WAL position
belong to the same instant, however busy the server is.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from dr.catalog.lsn import Lsn
from dr.catalog.manifest import DatabaseShape, SnapshotPoint
from dr.errors import PipelineError, PrivilegeMissing, SourceError
from dr.pipeline.process import Child, run
from dr.postgres.connection import Connection, client_environment, connected, parameters, with_options
from dr.postgres.inspection import DumpedTable, database_shape, dumped_tables, scalar
from dr.postgres.installations import Installation
from dr.postgres.queries import query
from dr.secret import Secret

LOCK_WAIT = "--lock-wait-timeout=60s"
_ATTEMPTS = 100
"""A server with a few writers is without a running transaction every few readings; this costs a second at most."""
_PAUSE_SECONDS = 0.007
_WATCH_CLIENT = "-c client_connection_check_interval=1s"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """An instant of the database that pg_dump can be pointed to, and what is in it."""

    identifier: str
    taken: datetime
    position: Lsn
    shape: DatabaseShape
    tables: tuple[DumpedTable, ...]
    point: SnapshotPoint | None = None


@contextmanager
def exported_snapshot(url: Secret) -> Iterator[Snapshot]:
    """Hold a read-only snapshot open for others to use; it ends with the context."""
    with connected(url, autocommit=False) as connection:
        connection.execute("SET idle_in_transaction_session_timeout = 0")
        connection.commit()
        with connected(url) as witness:
            point = _begin(connection, witness)
        identifier = str(scalar(connection, "SELECT pg_export_snapshot()"))
        position = scalar(
            connection,
            "SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END::text",
        )
        yield Snapshot(
            identifier=identifier,
            taken=datetime.now(UTC),
            position=Lsn.parse(str(position)),
            shape=database_shape(connection),
            tables=dumped_tables(connection),
            point=point,
        )
        connection.rollback()


def _begin(connection: Connection, witness: Connection) -> SnapshotPoint | None:
    """Begin the transaction with its snapshot, and say where that lies in the WAL.

    The position is read in the statement that takes the snapshot, a moment later. It is exact when nobody was about to
    commit, and when another session (``witness``) sees the same snapshot afterwards: then nothing came between. After
    some attempts the last is kept: whoever compares by it looks again at the transactions that ran.
    """
    point = None
    for attempt in range(_ATTEMPTS):
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        row = connection.execute(query("snapshot_point"), prepare=True).fetchone()
        if row is None or row["lsn"] is None:
            return None
        point = SnapshotPoint(Lsn.parse(row["lsn"]), int(row["timeline"]), row["visible"])
        alone = not point.visible.split(":")[2]
        if alone and scalar(witness, "SELECT pg_current_snapshot()::text") == point.visible:
            break
        if attempt < _ATTEMPTS - 1:
            connection.rollback()
            time.sleep(_PAUSE_SECONDS)
    return point


def dump_process(url: Secret, client: Installation, snapshot: Snapshot) -> Child:
    """A running pg_dump that writes plain SQL of the snapshot to its stdout, in the format psql takes."""
    argv = ("--format=plain", "--no-password", LOCK_WAIT, f"--snapshot={snapshot.identifier}")
    # SQL_ASCII means "bytes of unknown encoding": only there nothing may be converted.
    encoding = () if snapshot.shape.encoding == "SQL_ASCII" else ("--encoding=UTF8",)
    command = (client.program("pg_dump"), *argv, *encoding)
    environment = {**client_environment(url), **_noticing_our_end(url)}
    return Child("pg_dump", command, environment=environment, stdout=subprocess.PIPE)


def _noticing_our_end(url: Secret) -> dict[str, str]:
    """``PGOPTIONS`` by which a session that waits for a lock ends with its client (I23), where that can be had.

    It came with PostgreSQL 14, not every platform can do it, and not every connection pooler passes options on. One
    connection tells; what the address or the environment asks for besides stays, and wins.
    """
    theirs = parameters(url).get("options", os.environ.get("PGOPTIONS", ""))
    options = f"{_WATCH_CLIENT} {theirs}".strip()
    try:
        with connected(with_options(url, options)):
            return {"PGOPTIONS": options}
    except SourceError:
        return {}  # pg_dump runs without it, and if it was for another reason it will say so itself


def read_globals(url: Secret, client: Installation, database: str) -> str:
    """SQL of the cluster's roles, grants and tablespaces, then of the database itself with its settings.

    Role passwords need a superuser; a role that may not read them gets the rest, and the SQL says so at its top.
    Raises ``PipelineError`` when pg_dumpall or pg_dump fails for another reason.
    """
    environment = client_environment(url)
    everything = (
        client.program("pg_dumpall"),
        "--globals-only",
        "--no-password",
        "--database",
        parameters(url).get("dbname", database),
    )
    ended, text = run("pg_dumpall", everything, environment=environment)
    if not ended.ok and "pg_authid" in ended.stderr:
        ended, text = run("pg_dumpall", (*everything, "--no-role-passwords"), environment=environment)
        text = "-- Without role passwords: the backup role may not read them. Set them after a restore.\n" + text
    if not ended.ok:
        raise _failed("the globals cannot be read", str(ended))
    frame, create = run(
        "pg_dump --create",
        (client.program("pg_dump"), "--create", "--schema-only", "--exclude-schema=*", "--no-password", LOCK_WAIT),
        environment=environment,
    )
    if not frame.ok:
        raise _failed("the database's own settings cannot be read", str(frame))
    return text + create


def _failed(message: str, detail: str) -> PipelineError | PrivilegeMissing:
    if "permission denied" in detail:
        return PrivilegeMissing(
            message, detail, "Give the backup role pg_read_all_data and the right to read pg_roles."
        )
    return PipelineError(message, detail, "Look into the server's log.")
