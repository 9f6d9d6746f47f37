"""Where a component's bytes go: compressed, encrypted, hashed, and into every store, in one pass."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from dr.catalog import labels
from dr.catalog.labels import Label
from dr.catalog.manifest import Compression, ObjectRecord, Role
from dr.crypto.gnupg import Cipher
from dr.errors import BackupInvalid
from dr.operations.objects import Destination
from dr.pipeline.process import Exit
from dr.pipeline.write import ObjectPipeline
from dr.progress import reporter
from dr.storage.protocol import Store

STEP = "component"
_ENDINGS = {Compression.GZIP: ".gz", Compression.ZSTD: ".zst", Compression.NONE: ""}


def stored_name(name: str, compression: Compression) -> str:
    """An object's name without the ending that encryption adds.

    >>> stored_name("dump.rdb", Compression.ZSTD)
    'dump.rdb.zst'
    """
    return name + _ENDINGS[compression]


class ObjectIntake:
    """One object in the making."""

    def __init__(self, pipeline: ObjectPipeline) -> None:
        self._pipeline = pipeline
        self.source: Exit | None = None

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self._pipeline.write(data)
        reporter().advance(STEP, memoryview(data).nbytes)

    def ended(self, source: Exit) -> None:
        self.source = source


class ObjectSink:
    """The objects of one backup, on their way into the stores of its destination."""

    def __init__(self, destination: Destination, cipher: Cipher) -> None:
        self._destination = destination
        self._cipher = cipher
        self._records: list[ObjectRecord] = []

    @property
    def label(self) -> Label:
        return self._destination.label

    @property
    def stores(self) -> Mapping[str, Store]:
        return self._destination.open_stores

    @property
    def records(self) -> tuple[ObjectRecord, ...]:
        return tuple(self._records)

    @contextmanager
    def object(
        self,
        name: str,
        *,
        role: Role = Role.CONTENT,
        compression: Compression = Compression.ZSTD,
        shared: bool = False,
    ) -> Iterator[ObjectIntake]:
        key = self._key(stored_name(name, compression), shared=shared)
        if any(item.key == key for item in self._records):
            raise BackupInvalid(f"{self.label} would have two objects named {name}")
        with (
            self._cipher.encryptor(key) as encryptor,
            ObjectPipeline(key, role, compression, encryptor, self.stores) as pipeline,
        ):
            intake = ObjectIntake(pipeline)
            yield intake
            written = pipeline.finish(intake.source)
        self._destination.note(written)
        self._records.append(written.record)

    def refer(self, record: ObjectRecord) -> None:
        self._records.append(record)

    def _key(self, name: str, *, shared: bool) -> str:
        system, label = self._destination.system, self.label
        if shared:
            return labels.shared_key(system, label.kind, name)
        return labels.component_key(system, label, name)
