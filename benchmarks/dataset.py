"""A database that is large enough to measure and compresses about as well as a real one."""

from __future__ import annotations

from pathlib import Path

from dr.errors import SourceError
from dr.pipeline.process import run
from dr.postgres.connection import client_environment, connected
from dr.postgres.installations import Installation
from dr.secret import Secret

_HERE = Path(__file__).parent
_BATCH_DOCUMENTS = 10_000
MEGABYTE = 1 << 20


def create(url: Secret, client: Installation) -> None:
    """Lay out the tables in an empty database."""
    _psql(url, client, "schema.sql")


def grow(url: Secret, client: Installation, megabytes: int) -> int:
    """Add rows until the database takes ``megabytes`` on disk, and let it settle; its size in bytes."""
    wanted = megabytes * MEGABYTE
    size, documents = database_bytes(url), _BATCH_DOCUMENTS
    while size < wanted:
        _psql(url, client, "rows.sql", f"--set=documents={documents}")
        before, size = size, database_bytes(url)
        per_document = max(1.0, (size - before) / documents)
        documents = max(1000, min(20 * _BATCH_DOCUMENTS, int((wanted - size) / per_document)))
    with connected(url) as connection:
        connection.execute("VACUUM (FREEZE, ANALYZE)")
        connection.execute("CHECKPOINT")
    return database_bytes(url)


def database_bytes(url: Secret) -> int:
    """What the database takes on disk."""
    with connected(url) as connection:
        row = connection.execute("SELECT pg_database_size(current_database()) AS bytes").fetchone()
    if row is None:
        raise SourceError("the server does not tell the size of its database", hint="Look into its log.")
    return int(row["bytes"])


def _psql(url: Secret, client: Installation, file: str, *arguments: str) -> None:
    argv = (client.program("psql"), "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--output=/dev/null")
    ended, _ = run(f"psql {file}", (*argv, *arguments, f"--file={_HERE / file}"), environment=client_environment(url))
    if not ended.ok:
        raise SourceError(f"{file} cannot be run", detail=str(ended), hint="Look at psql's message.")
