"""The streaming replication protocol over a raw libpq connection.

Sources: PostgreSQL documentation, chapter "Streaming Replication Protocol" (BASE_BACKUP, IDENTIFY_SYSTEM) and
"Message Formats" of the COPY stream since version 15: every CopyData message begins with one byte, ``n`` new archive,
``d`` data, ``m`` the backup manifest follows, ``p`` progress.

Reads are non-blocking with a deadline between two messages, so that a signal or a dead server ends the wait.
"""

from __future__ import annotations

import select
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import psycopg
from psycopg import pq
from psycopg.pq.abc import PGconn, PGresult

from dr.catalog.lsn import Lsn
from dr.errors import PrivilegeMissing, ServerUnreachable, SourceError
from dr.postgres.connection import display_name
from dr.secret import Secret

SILENCE_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class SystemIdentity:
    """Answer to IDENTIFY_SYSTEM."""

    system_identifier: str
    timeline: int
    position: Lsn


@dataclass(frozen=True, slots=True)
class Archive:
    """A tar begins; ``tablespace_path`` is None for the main data directory."""

    name: str
    tablespace_path: str | None


@dataclass(frozen=True, slots=True)
class Data:
    """Bytes of the archive or manifest that has begun."""

    payload: memoryview


@dataclass(frozen=True, slots=True)
class ManifestBegin:
    """PostgreSQL's own backup manifest follows."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Bytes of plain data the server has sent so far."""

    done: int


Message = Archive | Data | ManifestBegin | Progress


def _failed(connection: PGconn, result: PGresult | None, url: Secret) -> SourceError:
    raw = result.error_message if result is not None else connection.error_message
    text = " ".join(raw.decode(errors="replace").split())
    state = result.error_field(pq.DiagnosticField.SQLSTATE) if result is not None else None
    if state == b"42501":
        return PrivilegeMissing(
            f"the role may not make a base backup of {display_name(url)}", text, "ALTER ROLE ... REPLICATION."
        )
    if connection.status != pq.ConnStatus.OK:
        return ServerUnreachable(
            f"{display_name(url)} broke the replication connection", text, "Look into the server's log."
        )
    return SourceError(f"{display_name(url)} refuses a replication command", text, "Look into the server's log.")


def _wait_readable(connection: PGconn, url: Secret) -> None:
    readable, _, _ = select.select([connection.socket], [], [], SILENCE_SECONDS)
    if not readable:
        raise ServerUnreachable(
            f"{display_name(url)} has sent nothing for {SILENCE_SECONDS:.0f} s",
            hint="Look for a lock or a full disk on the server, then run the step again.",
        )
    with breaking(url):
        connection.consume_input()


@contextmanager
def breaking(url: Secret) -> Iterator[None]:
    """libpq's own complaint about a connection that broke, as an error that may be tried again."""
    try:
        yield
    except psycopg.OperationalError as error:
        text = " ".join(str(error).split())
        raise ServerUnreachable(
            f"{display_name(url)} broke the replication connection", text, "Look into the server's log."
        ) from error


def next_result(connection: PGconn, url: Secret) -> PGresult | None:
    """The next result of the command sent, None after the last. Raises on an error result."""
    while connection.is_busy():
        _wait_readable(connection, url)
    result = connection.get_result()
    if result is not None and result.status in (pq.ExecStatus.FATAL_ERROR, pq.ExecStatus.BAD_RESPONSE):
        raise _failed(connection, result, url)
    return result


def send(connection: PGconn, command: str, url: Secret) -> None:
    """Send one replication command (they are not SQL and take no parameters)."""
    with breaking(url):
        connection.send_query(command.encode())


def rows(connection: PGconn, url: Secret) -> list[list[str | None]]:
    """The next result as text."""
    result = next_result(connection, url)
    if result is None or result.status != pq.ExecStatus.TUPLES_OK:
        raise _failed(connection, result, url)
    return [
        [
            None if (value := result.get_value(row, column)) is None else value.decode()
            for column in range(result.nfields)
        ]
        for row in range(result.ntuples)
    ]


def run_to_end(connection: PGconn, url: Secret) -> None:
    """Consume what is left of a command."""
    while next_result(connection, url) is not None:
        pass


def identify_system(connection: PGconn, url: Secret) -> SystemIdentity:
    """Which cluster this is, its timeline and its WAL position."""
    send(connection, "IDENTIFY_SYSTEM", url)
    row = rows(connection, url)[0]
    run_to_end(connection, url)
    return SystemIdentity(str(row[0]), int(str(row[1])), Lsn.parse(str(row[2])))


def copy_messages(connection: PGconn, url: Secret) -> Iterator[Message]:
    """The messages of the COPY stream that the command has begun."""
    result = next_result(connection, url)
    if result is None or result.status != pq.ExecStatus.COPY_OUT:
        raise _failed(connection, result, url)
    while True:
        with breaking(url):
            size, payload = connection.get_copy_data(1)
        if size == 0:
            _wait_readable(connection, url)
        elif size == -1:
            return
        elif size == -2:
            raise _failed(connection, None, url)
        else:
            yield _parse(memoryview(payload))


def _parse(message: memoryview) -> Message:
    kind = message[:1].tobytes()
    if kind == b"d":
        return Data(message[1:])
    if kind == b"p":
        return Progress(int.from_bytes(message[1:9]))
    if kind == b"m":
        return ManifestBegin()
    if kind == b"n":
        parts = message[1:].tobytes().split(b"\0")
        with suppress(UnicodeDecodeError):
            if len(parts) == 3 and parts[0] and not parts[2]:
                return Archive(parts[0].decode(), parts[1].decode() or None)
    raise SourceError(
        f"the server sends an unknown base backup message {kind!r}", hint="This program knows PostgreSQL 15 to 18."
    )
