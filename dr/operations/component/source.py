"""Where a component's bytes come from: one store's copy of a backup, every object hashed against the manifest."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from dr.catalog.manifest import Manifest, ObjectRecord
from dr.crypto.gnupg import Cipher
from dr.errors import BackupInvalid, TargetRefused
from dr.operations.component.naming import stored_name
from dr.operations.objects_back import reading
from dr.pipeline.read import StageSeconds
from dr.storage.protocol import Store


class StoreSource:
    """One store's copy, and with ``others`` those of further stores.

    ``seconds`` and ``bytes`` add up over all that was read, by any thread, from this store and the others.
    """

    def __init__(self, store: Store, manifest: Manifest, cipher: Cipher, others: Sequence[Store] = ()) -> None:
        self.store = store
        self._manifest = manifest
        self._cipher = cipher
        self._others = tuple(others)
        self._read_by: StoreSource = self
        self._lock = threading.Lock()
        self.seconds = StageSeconds()
        self.bytes = 0

    @property
    def name(self) -> str:
        return self.store.name

    @property
    def others(self) -> tuple[StoreSource, ...]:
        made = tuple(StoreSource(store, self._manifest, self._cipher) for store in self._others)
        for one in made:
            one._read_by = self
        return made

    @property
    def manifest(self) -> Manifest:
        return self._manifest

    @contextmanager
    def chunks(self, item: ObjectRecord) -> Iterator[Iterator[bytes]]:
        with reading(self.store, item, self._cipher) as reader:
            stream = iter(reader)
            yield stream
            for _ in stream:
                pass
            reader.finish()
            self._read_by._count(reader.seconds, item.stored_bytes)

    def _count(self, seconds: StageSeconds, size: int) -> None:
        with self._lock:
            self.seconds.add(seconds)
            self.bytes += size

    def named(self, name: str) -> ObjectRecord:
        for item in self._manifest.objects:
            stem = item.key.rsplit("/", 1)[-1].removesuffix(".gpg")
            if stem == stored_name(name, item.compression):
                return item
        raise BackupInvalid(
            f"{self._manifest.label} holds no {name}",
            detail=f"it holds {', '.join(item.key.rsplit('/', 1)[-1] for item in self._manifest.objects)}",
            hint="dr show LABEL lists the objects.",
        )

    def read(self, item: ObjectRecord, limit: int = 64 << 20) -> bytes:
        found = bytearray()
        with self.chunks(item) as chunks:
            for chunk in chunks:
                found += chunk
                if len(found) > limit:
                    raise BackupInvalid(f"{item.key} unpacks to more than {limit} bytes")
        return bytes(found)

    def save(self, item: ObjectRecord, path: Path) -> None:
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            raise TargetRefused(f"{path} exists", hint="Nothing is overwritten: give an empty directory.") from None
        try:
            with os.fdopen(descriptor, "wb") as stream, self.chunks(item) as chunks:
                for chunk in chunks:
                    stream.write(chunk)
                stream.flush()
                os.fsync(stream.fileno())
        except BaseException:
            with contextlib.suppress(OSError):
                path.unlink()
            raise
