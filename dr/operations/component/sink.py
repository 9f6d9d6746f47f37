"""Where a component's bytes go: compressed, encrypted, hashed, and into every store, in one pass."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from dr.catalog import labels
from dr.catalog.labels import Label
from dr.catalog.manifest import Compression, ObjectRecord, Role
from dr.crypto.gnupg import Cipher
from dr.errors import BackupInvalid, KeyUnusable, StoreError
from dr.operations.component.naming import stored_name
from dr.operations.component.shared import Holdings, copy_missing, survey_shared
from dr.operations.component.source import StoreSource
from dr.operations.objects import Destination
from dr.pipeline.process import Exit
from dr.pipeline.write import ObjectPipeline
from dr.progress import reporter
from dr.storage.protocol import Store

STEP = "component"


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
        self.notes: list[str] = []
        self._surveyed: Holdings | None = None

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
            ObjectPipeline(key, role, compression, encryptor, self.stores, salted=True) as pipeline,
        ):
            intake = ObjectIntake(pipeline)
            yield intake
            written = pipeline.finish(intake.source)
        self._destination.note(written)
        self._records.append(written.record)

    def refer(self, record: ObjectRecord) -> None:
        self._records.append(record)

    def previous(self) -> StoreSource | None:
        newest = {name: item for name, item in self._holdings().newest.items() if name in self.stores}
        if not newest:
            return None
        first = max(newest, key=lambda name: newest[name].begin)
        others = [
            self.stores[name] for name, item in newest.items() if name != first and item.label == newest[first].label
        ]
        return StoreSource(self.stores[first], newest[first], self._cipher, others)

    def shared(self) -> Mapping[str, ObjectRecord]:
        newest = self.previous()
        if newest is None or not self._opens_alike(newest):
            return {}
        return copy_missing(self.stores, self._holdings())

    def _opens_alike(self, newest: StoreSource) -> bool:
        """Whether what earlier backups share is for the very keys of this one (I22).

        Otherwise a backup would need two keys, and whoever has the new one could not restore it. A manifest names
        recipients; of a passphrase it says nothing, so the newest index is opened with the one that there is now.
        """
        record = self._cipher.record
        if newest.manifest.encryption != record:
            self.notes.append("the keys have changed since the last backup: all of it is stored again, for the new")
            return False
        if record.fingerprints:
            return True
        try:
            for item in newest.manifest.objects:
                if item.role is Role.INDEX:
                    with newest.chunks(item) as chunks:
                        next(chunks, b"")
        except KeyUnusable:
            self.notes.append("the passphrase has changed since the last backup: all is stored again, under the new")
            return False
        except (BackupInvalid, StoreError):
            return True  # damaged: whether its packs are whole is asked elsewhere
        return True

    def _holdings(self) -> Holdings:
        """What the stores hold of earlier backups; one that does not answer takes no part in this one."""
        if self._surveyed is None:
            self._surveyed = survey_shared(self._destination.system, self.label.kind, self.stores)
            for name, error in self._surveyed.silent.items():
                self._destination.drop(name, error)
            if not self.stores:
                raise next(iter(self._surveyed.silent.values()))
        return self._surveyed

    def _key(self, name: str, *, shared: bool) -> str:
        system, label = self._destination.system, self.label
        if shared:
            return labels.shared_key(system, label.kind, name)
        return labels.component_key(system, label, name)
