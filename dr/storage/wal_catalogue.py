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
_HISTORY = "history.json"


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
            with ThreadPoolExecutor(_READERS, thread_name_prefix="wal index") as pool:
                records = list(pool.map(lambda key: _read(store, key), keys))
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
        prefix = labels.wal_index_prefix(self.system)
        for item in self.stores[name].list(prefix):
            timeline, _, rest = item.key.removeprefix(prefix).partition("/")
            if rest != _HISTORY and rest.endswith(".json"):
                yield int(timeline, 16), int(rest.removesuffix(".json"), 16)

    def read_block(self, name: str, timeline: int, log: int) -> WalBlock | None:
        """One log file's record; None when there is none. Raises ``BackupInvalid`` and ``StoreError``."""
        key = labels.wal_block_key(self.system, timeline, log)
        try:
            return block_from_json(self.stores[name].read_bytes(key), f"{name}:{key}")
        except ObjectMissing:
            return None

    def write_block(self, name: str, block: WalBlock) -> None:
        """Store one log file's record, replacing the older one. Only for the holder of the ``wal`` lease."""
        self.stores[name].put_bytes(labels.wal_block_key(self.system, block.timeline, block.log), to_json(block))

    def read_history(self, name: str, timeline: int) -> StoredHistory | None:
        """One timeline's record; None when there is none."""
        key = labels.wal_history_index_key(self.system, timeline)
        try:
            return history_from_json(self.stores[name].read_bytes(key), f"{name}:{key}")
        except ObjectMissing:
            return None

    def write_history(self, name: str, history: StoredHistory) -> None:
        """Store one timeline's record."""
        self.stores[name].put_bytes(labels.wal_history_index_key(self.system, history.timeline), to_json(history))


def _read(store: Store, key: str) -> WalBlock | StoredHistory | str | None:
    origin = f"{store.name}:{key}"
    try:
        data = store.read_bytes(key)
        return history_from_json(data, origin) if key.endswith(_HISTORY) else block_from_json(data, origin)
    except ObjectMissing:
        return None  # expired between the listing and the reading
    except BackupInvalid as error:
        return f"{error.message} ({error.detail})"
