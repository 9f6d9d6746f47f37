"""The stream of a base backup, cut into one encrypted object per archive."""

from __future__ import annotations

from contextlib import ExitStack

from dr.catalog import labels
from dr.catalog.manifest import Compression, ObjectRecord, Role
from dr.crypto.gnupg import Cipher
from dr.errors import SourceError
from dr.operations.objects import Destination
from dr.operations.parent_manifest import ManifestKeeper
from dr.pipeline.write import ObjectPipeline
from dr.postgres.base_backup import BaseBackup
from dr.postgres.replication import Archive, Data, ManifestBegin, Message, Progress
from dr.progress import Reporter, reporter

STEP = "base backup"


class ArchiveReceiver:
    """Feeds the stream's archives into one object after the other, and PostgreSQL's manifest to its keeper as well."""

    def __init__(self, backup: BaseBackup, cipher: Cipher, destination: Destination, keeper: ManifestKeeper) -> None:
        self._backup, self._cipher, self._destination, self._keeper = backup, cipher, destination, keeper
        self._in_manifest = False
        self._oids = {space.path: space.oid for space in backup.tablespaces}
        self._open: ExitStack | None = None
        self._pipeline: ObjectPipeline | None = None
        self._tablespace: tuple[int, str] | None = None
        self.records: list[ObjectRecord] = []
        self.done = 0

    def run(self) -> None:
        """Read the backup to its end; its objects are committed, not yet published. Raises what broke it."""
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

    def _take(self, message: Message, watcher: Reporter) -> None:
        if isinstance(message, Data):
            if self._pipeline is None:
                raise SourceError(
                    "the server sends data before an archive", hint="This program knows PostgreSQL 15 to 18."
                )
            self._pipeline.write(message.payload)
            if self._in_manifest:
                self._keeper.write(message.payload)
        elif isinstance(message, Progress):
            watcher.advance(STEP, message.done - self.done)
            self.done = message.done
        elif isinstance(message, Archive):
            self._close()
            self._in_manifest = False
            self._begin_archive(message)
        elif isinstance(message, ManifestBegin):
            self._close()
            self._in_manifest = True
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
