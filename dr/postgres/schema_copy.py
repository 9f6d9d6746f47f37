"""One schema out of a sandbox: into a running database in a single transaction, or as a stream for a file."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from dr.errors import PipelineError, TargetRefused
from dr.pipeline.process import PIPE_BYTES, Child, widen
from dr.postgres.connection import Connection, client_environment, connected, parameters
from dr.postgres.digests import TableDigest, digest_tables, user_tables
from dr.postgres.installations import Installation
from dr.postgres.sql_restore import check_psql, psql
from dr.secret import Secret

_MAXIMUM_NAME_BYTES = 63
_NO_TIES = ("--no-owner", "--no-privileges", "--no-publications", "--no-subscriptions", "--no-tablespaces")
# The running database's own settings count, durability first; only a statement that waits for a lock may not hold
# up the application behind it.
_CAREFUL = "-c lock_timeout=10s -c client_min_messages=warning -c statement_timeout=0"


@contextmanager
def schema_dump(url: Secret, client: Installation, schema: str) -> Iterator[Child]:
    """A running pg_dump of one schema; whoever loads it owns it."""
    pattern = '"' + schema.replace('"', '""') + '"'
    argv = ("--format=plain", "--no-password", "--encoding=UTF8", f"--schema={pattern}", *_NO_TIES)
    environment = client_environment(url)
    with Child("pg_dump", (client.program("pg_dump"), *argv), environment=environment, stdout=subprocess.PIPE) as child:
        widen(child.stdout)
        yield child


def pump(source: Child, take: Callable[[bytes], object]) -> int:
    """Everything that the child writes; bytes."""
    done = 0
    while data := os.read(source.stdout.fileno(), PIPE_BYTES):
        take(data)
        done += len(data)
    return done


def require_free_schema(url: Secret, schema: str) -> None:
    """Refuse a name that the running database uses already, or cannot use."""
    if not schema or len(schema.encode()) > _MAXIMUM_NAME_BYTES or schema.startswith("pg_") or "\0" in schema:
        raise TargetRefused(
            f"{schema!r} cannot be the name of a new schema",
            hint=f"Use 1 to {_MAXIMUM_NAME_BYTES} bytes that do not begin with pg_.",
        )
    with connected(url) as connection:
        there = connection.execute("SELECT 1 FROM pg_namespace WHERE nspname = %s", (schema,)).fetchone()
    if there:
        raise TargetRefused(
            f"the running database has a schema {schema} already",
            hint="Name another with --as, or drop it yourself: nothing is ever restored over what is there.",
        )


def load(source: Child, url: Secret, client: Installation, what: str) -> int:
    """Run the dump in the running database, all of it or nothing; bytes of SQL."""
    database = parameters(url).get("dbname", "postgres")
    with psql(url, client, database, options=_CAREFUL) as child:
        try:
            child.stdin.write(b"BEGIN;\n")
            done = pump(source, child.stdin.write)
            ended = source.wait(deadline_seconds=60)
            if not ended.ok:
                # Nothing is committed: psql ends without having read COMMIT.
                raise PipelineError(f"{what} could not be read from the restored copy", str(ended), "Try it again.")
            child.stdin.write(b"COMMIT;\n")
        except BrokenPipeError:
            done = 0  # psql has given up, and says why below
        child.close_stdin()
        check_psql(child.wait(), what)
    return done


def digests_of(connection: Connection, schema: str) -> dict[str, TableDigest]:
    """Rows and content of every table of a schema."""
    tables = tuple(table for table in user_tables(connection) if table.schema == schema)
    return {item.table: item for item in digest_tables(connection, tables)}
