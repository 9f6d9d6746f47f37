"""A physical base backup over the replication protocol, full or of what has changed since another.

One connection does all: a temporary slot keeps the WAL that the backup needs from being recycled, BASE_BACKUP sends
every tablespace as a tar and that WAL inside ``base.tar``, so the backup is consistent without an archive.
The server compresses with zstd where it was built with it; otherwise the bytes come plain and we compress.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from psycopg.pq.abc import PGconn

from dr.catalog.lsn import Lsn
from dr.errors import SourceError
from dr.postgres.connection import replication_connection
from dr.postgres.incremental import refusal, upload_manifest
from dr.postgres.replication import Message, copy_messages, rows, run_to_end, send
from dr.secret import Secret

SERVER_ZSTD = "COMPRESSION 'zstd', COMPRESSION_DETAIL 'level=1,workers=2'"


@dataclass(frozen=True, slots=True)
class Tablespace:
    """A tablespace outside the data directory; ``estimate`` is bytes on disk."""

    oid: int
    path: str
    estimate: int


class BaseBackup:
    """A base backup in progress: what it begins with, then its messages, then where it ends."""

    def __init__(
        self, connection: PGconn, url: Secret, label: str, *, server_compression: bool, parent_manifest: Path | None
    ) -> None:
        self._connection, self._url = connection, url
        self._end: tuple[Lsn, int] | None = None
        self._incremental = parent_manifest is not None
        self.server_compressed = False
        if parent_manifest is not None:
            upload_manifest(connection, url, parent_manifest)
        begin = self._begin(label, SERVER_ZSTD) if server_compression else None
        if begin is None:
            begin = self._begin(label, "")
        if begin is None:
            raise SourceError("the server does not begin a base backup", hint="Look into the server's log.")
        self.begin_lsn, self.timeline = begin
        self.tablespaces, self.estimate = self._read_tablespaces()

    def _reserve_wal(self, label: str) -> None:
        """Before each attempt: the server drops a connection's temporary slots at its first error."""
        send(self._connection, f'CREATE_REPLICATION_SLOT "dr_{label}" TEMPORARY PHYSICAL RESERVE_WAL', self._url)
        rows(self._connection, self._url)
        run_to_end(self._connection, self._url)

    def _begin(self, label: str, compression: str) -> tuple[Lsn, int] | None:
        """Send the command; None when this server cannot compress that way (it says so before anything is sent)."""
        self._reserve_wal(label)
        options = [
            f"LABEL '{label}'",
            "CHECKPOINT 'fast'",
            "WAL true",
            # The WAL travels inside: waiting for the archiver would add seconds, or never end when it is broken.
            "WAIT false",
            "PROGRESS true",
            "TABLESPACE_MAP true",
            "MANIFEST 'yes'",
            "MANIFEST_CHECKSUMS 'CRC32C'",
        ]
        if self._incremental:
            options.append("INCREMENTAL")
        if compression:
            options.append(compression)
        send(self._connection, f"BASE_BACKUP ({', '.join(options)})", self._url)
        try:
            position, timeline = rows(self._connection, self._url)[0]
        except SourceError as error:
            if not compression or "ZSTD" not in error.detail.upper():
                if self._incremental:
                    raise refusal(error) from error
                raise
            run_to_end(self._connection, self._url)
            return None
        self.server_compressed = bool(compression)
        return Lsn.parse(str(position)), int(str(timeline))

    def _read_tablespaces(self) -> tuple[tuple[Tablespace, ...], int]:
        """The tablespaces and the total estimate; PostgreSQL estimates in kilobytes."""
        listed = rows(self._connection, self._url)
        outside = tuple(
            Tablespace(int(oid), str(path), int(size or 0) * 1024) for oid, path, size in listed if oid is not None
        )
        return outside, sum(int(size or 0) * 1024 for _, _, size in listed)

    def messages(self) -> Iterator[Message]:
        """Archives, data, manifest and progress in the order they are sent; call once and read to the end."""
        yield from copy_messages(self._connection, self._url)
        position, timeline = rows(self._connection, self._url)[0]
        run_to_end(self._connection, self._url)
        self._end = Lsn.parse(str(position)), int(str(timeline))

    @property
    def end_lsn(self) -> Lsn:
        """Where replay must at least go for the copy to be consistent."""
        if self._end is None:
            raise SourceError("the base backup has not ended", hint="Read its messages to the end first.")
        return self._end[0]


@contextmanager
def base_backup(
    url: Secret, label: str, *, server_compression: bool = True, parent_manifest: Path | None = None
) -> Iterator[BaseBackup]:
    """Begin a base backup; leaving early closes the connection, upon which the server gives the backup up.

    With PostgreSQL's manifest of another backup, only what has changed since that one. Raises ``IncrementalRefused``
    when the server does not make such a backup; nothing has been sent then.
    """
    connection = replication_connection(url)
    try:
        yield BaseBackup(connection, url, label, server_compression=server_compression, parent_manifest=parent_manifest)
    finally:
        connection.finish()
