"""Stands for a store that lost what it held: whoever reads or writes it is told so, and nothing is begun anew in it.

An empty mount point looks like a new store. Written to, it would fill the disk below it, with copies that vanish from
sight as soon as the right disk is mounted again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import NoReturn

from dr.errors import StoreEmptied
from dr.storage.protocol import ObjectWriter, Store, StoredObject


class EmptiedStore:
    """The name and place of ``store``, and ``StoreEmptied`` for everything else."""

    def __init__(self, store: Store, held: str) -> None:
        self._store = store
        self._held = held

    @property
    def name(self) -> str:
        return self._store.name

    @property
    def location(self) -> str:
        return self._store.location

    @property
    def is_local(self) -> bool:
        return self._store.is_local

    def writer(self, key: str) -> ObjectWriter:
        self._refuse()

    def read(self, key: str, chunk_size: int = 1 << 20) -> Iterator[bytes]:
        self._refuse()

    def read_bytes(self, key: str) -> bytes:
        self._refuse()

    def read_back(self, key: str) -> Iterator[bytes]:
        self._refuse()

    def put_bytes(self, key: str, data: bytes) -> None:
        self._refuse()

    def create(self, key: str, data: bytes) -> bool:
        self._refuse()

    def head(self, key: str) -> StoredObject:
        self._refuse()

    def list(self, prefix: str) -> Iterator[StoredObject]:
        self._refuse()

    def delete(self, key: str) -> None:
        self._refuse()

    def free_bytes(self) -> int | None:
        self._refuse()

    def sweep_partials(self, older_than: timedelta) -> int:
        self._refuse()

    def _refuse(self) -> NoReturn:
        raise StoreEmptied(
            f"store {self.name} has lost what it held: {self.location} holds no {self._held}",
            detail="this host has used that store before, and an empty mount point looks just like this",
            hint=f"Mount its disk. If it was emptied on purpose: dr store begin-anew {self.name}",
        )


class GuardedStore:
    """``store`` as long as it holds what it held: its disk may go while a process runs for months.

    ``is_there`` is asked before every use. From the first time that it was true, or at once where it was so ``before``,
    the store without it is an ``EmptiedStore``.
    """

    def __init__(self, store: Store, held: str, is_there: Callable[[], bool], *, before: bool) -> None:
        self._store = store
        self._emptied = EmptiedStore(store, held)
        self._is_there = is_there
        self._known = before

    @property
    def name(self) -> str:
        return self._store.name

    @property
    def location(self) -> str:
        return self._store.location

    @property
    def is_local(self) -> bool:
        return self._store.is_local

    @property
    def _now(self) -> Store:
        if self._is_there():
            self._known = True
            return self._store
        return self._emptied if self._known else self._store

    def writer(self, key: str) -> ObjectWriter:
        return self._now.writer(key)

    def read(self, key: str, chunk_size: int = 1 << 20) -> Iterator[bytes]:
        return self._now.read(key, chunk_size)

    def read_bytes(self, key: str) -> bytes:
        return self._now.read_bytes(key)

    def read_back(self, key: str) -> Iterator[bytes]:
        return self._now.read_back(key)

    def put_bytes(self, key: str, data: bytes) -> None:
        self._now.put_bytes(key, data)

    def create(self, key: str, data: bytes) -> bool:
        return self._now.create(key, data)

    def head(self, key: str) -> StoredObject:
        return self._now.head(key)

    def list(self, prefix: str) -> Iterator[StoredObject]:
        return self._now.list(prefix)

    def delete(self, key: str) -> None:
        self._now.delete(key)

    def free_bytes(self) -> int | None:
        return self._now.free_bytes()

    def sweep_partials(self, older_than: timedelta) -> int:
        return self._now.sweep_partials(older_than)
