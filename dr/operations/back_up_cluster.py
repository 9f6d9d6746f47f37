"""Copy the whole cluster physically: one BASE_BACKUP stream, cut into one encrypted object per tablespace."""

from __future__ import annotations

import logging
import time
from contextlib import ExitStack
from datetime import UTC, datetime

from dr.catalog import labels
from dr.catalog.labels import Kind
from dr.catalog.manifest import Compression, DatabaseShape, Manifest, ObjectRecord, Role, TableRows
from dr.configuration.model import System
from dr.crypto.gnupg import Cipher, opened
from dr.errors import SourceError
from dr.evidence.phases import Phase
from dr.operations.check_source import physical_url, source_url
from dr.operations.draft import Draft
from dr.operations.objects import Destination, free_label
from dr.operations.repositories import open_repository
from dr.pipeline.write import ObjectPipeline
from dr.postgres.base_backup import BaseBackup, base_backup
from dr.postgres.connection import connected
from dr.postgres.inspection import DumpedTable, database_shape, dumped_tables, read_facts
from dr.postgres.replication import Archive, Data, ManifestBegin, Progress
from dr.progress import Reporter, reporter

logger = logging.getLogger(__name__)

STEP = "base backup"


def back_up_cluster(system: System, *, run: str, cloud: bool) -> Draft:
    """Take a full base backup; it carries the WAL it needs. Undoes itself on any failure."""
    facts = read_facts(source_url(system))
    repository = open_repository(system, cloud=cloud)
    label = free_label(repository, Kind.BASE, datetime.now(UTC))
    begin, taken = time.monotonic(), datetime.now(UTC)
    before, shape = _tables(system)
    logger.info("copying cluster %s as %s to %s", facts.system_identifier, label, ", ".join(repository.stores))
    with ExitStack() as stack:
        cipher = stack.enter_context(opened(system.encryption))
        destination = stack.enter_context(Destination(repository, label))
        backup = stack.enter_context(base_backup(physical_url(system), str(label)))
        receiver = _Receiver(backup, cipher, destination)
        receiver.run()
        destination.keep()
    # A table that came or went meanwhile may be missing from the copy; only those seen twice must be in it.
    after = {table.name for table in _tables(system)[0]}
    tables = [table for table in before if table.name in after]
    manifest = Manifest(
        label=str(label),
        kind=Kind.BASE,
        system=system.name,
        system_identifier=facts.system_identifier,
        server_version=facts.version,
        begin=taken,
        end=datetime.now(UTC),
        objects=tuple(receiver.records),
        stores=destination.stores,
        encryption=cipher.record,
        run=run,
        superuser=facts.bootstrap_superuser,
        database=shape,
        timeline=backup.timeline,
        begin_lsn=backup.begin_lsn,
        end_lsn=backup.end_lsn,
        table_estimates=tuple(TableRows(table.name, table.estimate) for table in tables),
        tools={"compressed by": "server" if backup.server_compressed else "client"},
    )
    logger.info(
        "copied %s: WAL %s to %s, %d bytes stored", label, backup.begin_lsn, backup.end_lsn, manifest.stored_bytes
    )
    return Draft(manifest, destination.failures, (Phase("base backup", begin, time.monotonic(), bytes=receiver.done),))


def _tables(system: System) -> tuple[tuple[DumpedTable, ...], DatabaseShape]:
    with connected(source_url(system)) as connection:
        return dumped_tables(connection), database_shape(connection)


class _Receiver:
    """Feeds the stream's archives into one object after the other."""

    def __init__(self, backup: BaseBackup, cipher: Cipher, destination: Destination) -> None:
        self._backup, self._cipher, self._destination = backup, cipher, destination
        self._oids = {space.path: space.oid for space in backup.tablespaces}
        self._open: ExitStack | None = None
        self._pipeline: ObjectPipeline | None = None
        self._tablespace: tuple[int, str] | None = None
        self.records: list[ObjectRecord] = []
        self.done = 0

    def run(self) -> None:
        watcher = reporter()
        watcher.begin(STEP, self._backup.estimate)
        try:
            for message in self._backup.messages():
                self._take(message, watcher)
            self._close()
        finally:
            if self._open is not None:
                self._open.close()  # an archive that was not finished undoes itself
            watcher.end(STEP)

    def _take(self, message: object, watcher: Reporter) -> None:
        if isinstance(message, Data):
            if self._pipeline is None:
                raise SourceError(
                    "the server sends data before an archive", hint="This program knows PostgreSQL 15 to 18."
                )
            self._pipeline.write(message.payload)
        elif isinstance(message, Progress):
            watcher.advance(STEP, message.done - self.done)
            self.done = message.done
        elif isinstance(message, Archive):
            self._close()
            self._begin_archive(message)
        elif isinstance(message, ManifestBegin):
            self._close()
            key = labels.postgres_manifest_key(self._destination.system, self._destination.label)
            self._begin(key, Role.POSTGRES_MANIFEST, Compression.NONE, packed=False)

    def _begin_archive(self, archive: Archive) -> None:
        """``base.tar`` or ``<oid>.tar``, with the server's suffix when it compressed, otherwise with ours."""
        packed = self._backup.server_compressed
        name = archive.name if packed else f"{archive.name}.zst"
        if archive.tablespace_path is not None:
            self._tablespace = (self._oids[archive.tablespace_path], archive.tablespace_path)
        key = labels.archive_key(self._destination.system, self._destination.label, name)
        self._begin(key, Role.ARCHIVE, Compression.ZSTD, packed=packed)

    def _begin(self, key: str, role: Role, compression: Compression, *, packed: bool) -> None:
        self._open = ExitStack()
        encryptor = self._open.enter_context(self._cipher.encryptor(key))
        pipeline = ObjectPipeline(
            key, role, compression, encryptor, self._destination.open_stores, packed_already=packed
        )
        self._pipeline = self._open.enter_context(pipeline)

    def _close(self) -> None:
        if self._open is None or self._pipeline is None:
            return
        written = self._pipeline.finish(tablespace=self._tablespace)
        self._open.close()
        self._open = self._pipeline = self._tablespace = None
        self._destination.note(written)
        self.records.append(written.record)
