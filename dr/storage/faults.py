"""A store that fails on demand: for tests, and for chaos experiments on a real one.

It wraps a store and behaves like it, and passes the same conformance suite while no fault is armed. Faults are values;
``arm`` adds one, ``disarm`` removes all. Each can be kept to keys that contain a text.

>>> from pathlib import Path
>>> from dr.storage.local import LocalStore
>>> store = FaultyStore(LocalStore("local", Path("backups")))
>>> store.arm(FullAfter(size=1_000_000, keys=".sql."))
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Self, TypeVar

from dr.errors import StoreDenied, StoreError, StoreFull, StoreUnavailable
from dr.storage.protocol import Committed, ObjectWriter, Store, StoredObject


@dataclass(frozen=True, slots=True)
class FullAfter:
    """Writing raises StoreFull when an object grows beyond ``size`` bytes."""

    size: int
    keys: str = ""


@dataclass(frozen=True, slots=True)
class CommitFails:
    """Every byte is taken, and then ``commit`` raises StoreError and nothing is stored."""

    keys: str = ""


@dataclass(frozen=True, slots=True)
class ReadCut:
    """Reading yields ``after`` bytes and raises StoreUnavailable; with ``silent`` it just ends, as if that were all."""

    after: int
    silent: bool = False
    keys: str = ""


@dataclass(frozen=True, slots=True)
class BitFlipped:
    """Reading gives the byte at ``offset`` with its lowest bit flipped."""

    offset: int
    keys: str = ""


@dataclass(frozen=True, slots=True)
class Denied:
    """Every call raises StoreDenied."""

    keys: str = ""


@dataclass(frozen=True, slots=True)
class Unavailable:
    """The next ``times`` calls raise StoreUnavailable, those after them work. A list counts by its prefix."""

    times: int
    keys: str = ""


Fault = FullAfter | CommitFails | ReadCut | BitFlipped | Denied | Unavailable
F = TypeVar("F", bound=Fault)


class FaultyStore:
    """``inner``, with faults that are armed and disarmed while it is in use."""

    def __init__(self, inner: Store) -> None:
        self.inner = inner
        self._armed: list[Fault] = []
        self._refusals: Counter[int] = Counter()
        self._lock = threading.Lock()

    def arm(self, fault: Fault) -> None:
        """Let ``fault`` happen from now on, beside those already armed."""
        with self._lock:
            self._armed.append(fault)

    def disarm(self) -> None:
        """Behave again."""
        with self._lock:
            self._armed.clear()
            self._refusals.clear()

    @property
    def name(self) -> str:
        return self.inner.name

    @property
    def location(self) -> str:
        return self.inner.location

    @property
    def is_local(self) -> bool:
        return self.inner.is_local

    def writer(self, key: str) -> ObjectWriter:
        self._enter(key)
        return _FaultyWriter(self, self.inner.writer(key), key)

    def read(self, key: str, chunk_size: int = 1 << 20) -> Iterator[bytes]:
        self._enter(key)
        return self._damaged(key, self.inner.read(key, chunk_size))

    def read_bytes(self, key: str) -> bytes:
        return b"".join(self.read(key))

    def read_back(self, key: str) -> Iterator[bytes]:
        self._enter(key)
        return self._damaged(key, self.inner.read_back(key))

    def put_bytes(self, key: str, data: bytes) -> None:
        with self.writer(key) as writer:
            writer.write(data)

    def create(self, key: str, data: bytes) -> bool:
        self._enter(key)
        self.check_write(key, len(data))
        self.check_commit(key)
        return self.inner.create(key, data)

    def head(self, key: str) -> StoredObject:
        self._enter(key)
        return self.inner.head(key)

    def list(self, prefix: str) -> Iterator[StoredObject]:
        self._enter(prefix)
        return self.inner.list(prefix)

    def delete(self, key: str) -> None:
        self._enter(key)
        self.inner.delete(key)

    def free_bytes(self) -> int | None:
        return self.inner.free_bytes()

    def sweep_partials(self, older_than: timedelta) -> int:
        return self.inner.sweep_partials(older_than)

    def check_write(self, key: str, size: int) -> None:
        """Raise StoreFull if an object of ``size`` bytes is more than a fault lets through."""
        if any(size > fault.size for fault in self._of(FullAfter, key)):
            raise StoreFull(f"cannot write in store {self.name}: no space left", _on_purpose(key))

    def check_commit(self, key: str) -> None:
        """Raise StoreError if a fault says that the object is not to be stored."""
        if self._of(CommitFails, key):
            raise StoreError(f"store {self.name} did not store an object", _on_purpose(key))

    def _enter(self, key: str) -> None:
        if self._of(Denied, key):
            raise StoreDenied(f"store {self.name}: permission denied", _on_purpose(key))
        for fault in self._of(Unavailable, key):
            with self._lock:
                self._refusals[id(fault)] += 1
                refused = self._refusals[id(fault)] <= fault.times
            if refused:
                raise StoreUnavailable(f"store {self.name} does not answer", _on_purpose(key))

    def _of(self, kind: type[F], key: str) -> tuple[F, ...]:
        with self._lock:
            return tuple(fault for fault in self._armed if isinstance(fault, kind) and fault.keys in key)

    def _damaged(self, key: str, chunks: Iterator[bytes]) -> Iterator[bytes]:
        offset = 0
        for chunk in chunks:
            data = bytearray(chunk)
            for flip in self._of(BitFlipped, key):
                if offset <= flip.offset < offset + len(data):
                    data[flip.offset - offset] ^= 1
            for cut in self._of(ReadCut, key):
                if offset + len(data) > cut.after:
                    yield bytes(data[: max(0, cut.after - offset)])
                    if cut.silent:
                        return
                    raise StoreUnavailable(f"the connection to store {self.name} broke", _on_purpose(key))
            offset += len(data)
            yield bytes(data)


class _FaultyWriter:
    def __init__(self, store: FaultyStore, inner: ObjectWriter, key: str) -> None:
        self._store = store
        self._inner = inner
        self._key = key
        self._size = 0
        self._ended = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self._size += memoryview(data).nbytes
        self._store.check_write(self._key, self._size)
        self._inner.write(data)

    def commit(self) -> Committed:
        if not self._ended:
            try:
                self._store.check_commit(self._key)
            except StoreError:
                self.abort()
                raise
        self._ended = True
        return self._inner.commit()

    def abort(self) -> None:
        self._ended = True
        self._inner.abort()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        if exc[0] is not None:
            self.abort()
        elif not self._ended:
            self.commit()


def _on_purpose(key: str) -> str:
    return f"{key}: a fault that was armed on purpose"
