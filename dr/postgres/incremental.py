"""Incremental base backups: whether a server can, and how it is told what an earlier backup already has.

Since version 17 a server that summarizes its WAL (``summarize_wal = on``) sends only the blocks that have changed since
another backup, whose own manifest it is given with UPLOAD_MANIFEST. Source: PostgreSQL documentation, chapter
"Streaming Replication Protocol".
"""

from __future__ import annotations

import select
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from psycopg import pq
from psycopg.pq.abc import PGconn

from dr.errors import PrivilegeMissing, ServerUnreachable, SourceError
from dr.postgres.connection import connected, display_name, replication_connection
from dr.postgres.inspection import scalar
from dr.postgres.replication import SILENCE_SECONDS, breaking, identify_system, next_result, run_to_end, send
from dr.secret import Secret

_CHUNK = 1 << 18


class IncrementalRefused(SourceError):
    """The server answers and makes no incremental backup on that parent; a full one may well succeed."""


@dataclass(frozen=True, slots=True)
class IncrementalState:
    """What decides on incremental backups: whether WAL is summarized, and the timeline the server is on."""

    summarize_wal: bool
    timeline: int


def read_incremental_state(url: Secret, replication_url: Secret) -> IncrementalState:
    """Ask the server. Raises ``SourceError`` when it cannot be reached one way or the other."""
    with connected(url) as connection:
        # NULL before version 17, which does not know the setting.
        summarizes = scalar(connection, "SELECT current_setting('summarize_wal', true) = 'on'")
    raw = replication_connection(replication_url)
    try:
        timeline = identify_system(raw, replication_url).timeline
    finally:
        raw.finish()
    return IncrementalState(bool(summarizes), timeline)


def refusal(error: SourceError) -> SourceError:
    """The error as a refusal, unless the server is gone or the role may not: then a full one would fail as well."""
    if isinstance(error, ServerUnreachable | PrivilegeMissing):
        return error
    return IncrementalRefused("the server makes no incremental backup", error.detail or error.message, error.hint)


def upload_manifest(connection: PGconn, url: Secret, file: Path) -> None:
    """Give the server the manifest of the parent. Raises ``IncrementalRefused`` when it does not take it."""
    try:
        send(connection, "UPLOAD_MANIFEST", url)
        result = next_result(connection, url)
        if result is None or result.status != pq.ExecStatus.COPY_IN:
            raise SourceError("the server takes no manifest", hint="Look into the server's log.")
        with file.open("rb") as stream:
            _copy_in(connection, url, iter(lambda: stream.read(_CHUNK), b""))
        run_to_end(connection, url)
    except SourceError as error:
        raise refusal(error) from error


def _copy_in(connection: PGconn, url: Secret, chunks: Iterable[bytes]) -> None:
    """Send without ever blocking inside libpq, where neither a deadline nor a signal would end the wait."""
    connection.nonblocking = 1
    try:
        with breaking(url):
            for chunk in chunks:
                while connection.put_copy_data(chunk) == 0:
                    _wait_writable(connection, url)
                _flush(connection, url)
            while connection.put_copy_end() == 0:
                _wait_writable(connection, url)
            _flush(connection, url)
    finally:
        connection.nonblocking = 0


def _flush(connection: PGconn, url: Secret) -> None:
    while connection.flush() == 1:
        _wait_writable(connection, url)


def _wait_writable(connection: PGconn, url: Secret) -> None:
    """Until the server takes more. What it says meanwhile is read, or both sides might wait for each other."""
    readable, writable, _ = select.select([connection.socket], [connection.socket], [], SILENCE_SECONDS)
    if not readable and not writable:
        raise ServerUnreachable(
            f"{display_name(url)} has taken nothing for {SILENCE_SECONDS:.0f} s",
            hint="Look for a full disk or a stopped process on the server, then run the step again.",
        )
    if readable:
        connection.consume_input()
