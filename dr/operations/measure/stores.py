"""Whether the stores answer, and how full they are."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from dr.catalog.labels import system_record_key
from dr.configuration.model import System
from dr.errors import ObjectMissing, StoreError
from dr.operations.repositories import open_repository
from dr.policy.metric import Sample, Unmeasured, sample
from dr.storage.protocol import Store

METRICS = ("storage_up", "storage_free_bytes", "storage_free_ratio")


FREE = ("storage_free_bytes", "storage_free_ratio")


def measure_stores(system: System, now: datetime) -> Iterator[Sample | Unmeasured]:
    """Each by itself: one that hangs holds up no other, up to its own time limits."""
    stores = tuple(open_repository(system).stores.values())
    with ThreadPoolExecutor(max(1, len(stores))) as pool:
        for samples in pool.map(lambda store: tuple(_of_store(system.name, store)), stores):
            yield from samples


def _of_store(system: str, store: Store) -> Iterator[Sample | Unmeasured]:
    try:
        store.head(system_record_key(system))
    except ObjectMissing:
        pass  # new, and there
    except StoreError:
        yield sample("storage_up", 0, system, store.name)
        yield from (Unmeasured(name, store.name) for name in FREE)
        return
    yield sample("storage_up", 1, system, store.name)
    try:
        free = store.free_bytes()
    except StoreError:
        yield from (Unmeasured(name, store.name) for name in FREE)
        return
    if free is None:
        return
    yield sample("storage_free_bytes", free, system, store.name)
    if store.is_local:
        try:
            total = shutil.disk_usage(store.location).total
        except OSError:
            yield Unmeasured("storage_free_ratio", store.name)
            return
        yield sample("storage_free_ratio", free / max(total, 1), system, store.name)
