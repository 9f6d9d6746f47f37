"""The WAL index of one system in its stores: read in parallel, written by whoever holds the ``wal`` lease."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from dr.catalog import labels
from dr.catalog.wal_index import StoredHistory, WalBlock, block_from_json, history_from_json, to_json
from dr.errors import BackupInvalid, ObjectMissing, StoreError
from dr.storage.protocol import Store

_READERS = 16


@dataclass(frozen=True, slots=True)
class StoreWal:
    """One store's index as read. ``unreadable`` names records that are damaged; ``error`` why nothing could be read."""

    store: str
    blocks: tuple[WalBlock, ...] = ()
    histories: Mapping[int, StoredHistory] = field(default_factory=dict)
    unreadable: tuple[str, ...] = ()
    error: StoreError | None = None


class WalCatalogue:
    """Reads and writes the index of one system. Holds no state of its own."""

    def __init__(self, system: str, stores: Iterable[Store]) -> None:
        self.system = system
        self.stores: Mapping[str, Store] = {store.name: store for store in stores}

    def read_all(self) -> tuple[StoreWal, ...]:
        """The index of every store. A store that does not answer is named, not hidden."""
        return tuple(self.read(name) for name in self.stores)

    def read(self, name: str) -> StoreWal:
        """Everything that one store's index says."""
        store = self.stores[name]
        try:
            keys = [item.key for item in store.list(labels.wal_index_prefix(self.system))]
            places = [(key, place) for key in keys if (place := labels.parse_wal_index_key(self.system, key))]
            # A directory is read faster by one thread: there is nothing to wait for.
            with ThreadPoolExecutor(1 if store.is_local else _READERS, thread_name_prefix="wal index") as pool:
                records = list(pool.map(lambda item: self._read(store, *item), places))
        except StoreError as error:
            return StoreWal(name, error=error)
        found = [record for record in records if record is not None]
        return StoreWal(
            name,
            tuple(record for record in found if isinstance(record, WalBlock)),
            {record.timeline: record for record in found if isinstance(record, StoredHistory)},
            tuple(record for record in found if isinstance(record, str)),
        )

    def block_names(self, name: str) -> Iterator[tuple[int, int]]:
        """Timeline and log file of every record, without reading any."""
        for item in self.stores[name].list(labels.wal_index_prefix(self.system)):
            place = labels.parse_wal_index_key(self.system, item.key)
            if place is not None and place[1] is not None:
                yield place[0], place[1]

    def read_block(self, name: str, timeline: int, log: int) -> WalBlock | None:
        """One log file's record; None when there is none. Raises ``BackupInvalid`` and ``StoreError``."""
        key = labels.wal_block_key(self.system, timeline, log)
        try:
            block = block_from_json(self.stores[name].read_bytes(key), f"{name}:{key}")
            return _own(block, self.system, timeline, log, f"{name}:{key}")
        except ObjectMissing:
            return None

    def write_block(self, name: str, block: WalBlock) -> None:
        """Store one log file's record, replacing the older one. Only for the holder of the ``wal`` lease."""
        self.stores[name].put_bytes(labels.wal_block_key(self.system, block.timeline, block.log), to_json(block))

    def read_history(self, name: str, timeline: int) -> StoredHistory | None:
        """One timeline's record; None when there is none."""
        key = labels.wal_history_index_key(self.system, timeline)
        try:
            return _in_place(history_from_json(self.stores[name].read_bytes(key), f"{name}:{key}"), timeline, key)
        except ObjectMissing:
            return None

    def write_history(self, name: str, history: StoredHistory) -> None:
        """Store one timeline's record."""
        self.stores[name].put_bytes(labels.wal_history_index_key(self.system, history.timeline), to_json(history))

    def _read(self, store: Store, key: str, place: tuple[int, int | None]) -> WalBlock | StoredHistory | str | None:
        origin = f"{store.name}:{key}"
        timeline, log = place
        try:
            if log is None:
                return _in_place(history_from_json(store.read_bytes(key), origin), timeline, origin)
            block = block_from_json(store.read_bytes(key), origin)
            return _own(block, self.system, timeline, log, origin)
        except ObjectMissing:
            return None  # expired between the listing and the reading
        except BackupInvalid as error:
            return f"{error.message} ({error.detail})"


def _own(block: WalBlock, system: str, timeline: int, log: int, origin: str) -> WalBlock:
    """The record if it is of the place it lies in: a copy elsewhere would claim WAL that is not there."""
    if (block.system, block.timeline, block.log) != (system, timeline, log):
        raise BackupInvalid(
            f"{origin} is a record of another place",
            detail=f"of system {block.system}, timeline {block.timeline}, log file {block.log:08X}",
            hint="Somebody copied or renamed it; remove it, or put the right one back from another store.",
        )
    return block


def _in_place(history: StoredHistory, timeline: int, origin: str) -> StoredHistory:
    if history.timeline != timeline:
        raise BackupInvalid(
            f"{origin} is a record of another place",
            detail=f"of timeline {history.timeline}",
            hint="Somebody copied or renamed it; remove it, or put the right one back from another store.",
        )
    return history
