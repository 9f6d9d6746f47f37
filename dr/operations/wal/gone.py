"""WAL that a store's index speaks of and that is not there any more: somebody removed the objects, and no record tells.

The window is worked out from the index alone, because listing a month of WAL takes a while. So it is listed once an
hour, what was found is noted on this host, and while something is gone each look lists anew: that it was put back is
seen at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeAlias

from dr.catalog import labels
from dr.catalog.wal_index import StoredSegment
from dr.configuration.model import System
from dr.errors import ObjectMissing, StoreError
from dr.operations.noted import read_note, write_note
from dr.operations.repositories import open_repository
from dr.storage.protocol import Store
from dr.storage.wal_catalogue import WalCatalogue

LOOKED_EVERY = timedelta(hours=1)
_ASKED = 64
"""So many are asked for by name before a listing is believed: while it was made, somebody stored more."""

Gone: TypeAlias = Mapping[str, frozenset[str]]
"""By store: the names of closed segments."""


@dataclass(frozen=True, slots=True)
class _Found:
    at: datetime
    gone: dict[str, frozenset[str]]


def gone_segments(system: System, now: datetime) -> Gone:
    """As far as an hour ago, or now where something was gone. A store that does not answer says nothing."""
    found = read_note(_file(system), _Found)
    if found is None or any(found.gone.values()) or not timedelta(0) <= now - found.at < LOOKED_EVERY:
        found = _Found(now, dict(look_for_gone(system)))
        write_note(_file(system), found)
    return found.gone


def look_for_gone(system: System) -> Gone:
    """List every store's WAL and hold it against its index."""
    stores = open_repository(system).stores
    with ThreadPoolExecutor(max(1, len(stores)), thread_name_prefix="WAL objects") as pool:
        return dict(pool.map(lambda store: (store.name, _gone_from(system.name, store)), stores.values()))


def _gone_from(system: str, store: Store) -> frozenset[str]:
    try:
        # Before the index is read: an expiry removes the record first, so what it took is in neither.
        listed = {item.key for item in store.list(f"{system}/wal/")}
        missing = [item for item in _segments(system, store) if labels.wal_key(system, item.segment) not in listed]
        asked = [item.name for item in missing[:_ASKED] if not _is_there(store, labels.wal_key(system, item.segment))]
    except StoreError:
        return frozenset()
    return frozenset((*asked, *(item.name for item in missing[_ASKED:])))


def _segments(system: str, store: Store) -> Iterator[StoredSegment]:
    found = WalCatalogue(system, [store]).read(store.name)
    if found.error is not None:
        raise found.error
    for block in found.blocks:
        yield from block.segments


def _is_there(store: Store, key: str) -> bool:
    try:
        store.head(key)
    except ObjectMissing:
        return False
    return True


def _file(system: System) -> Path:
    return system.state_directory / "measure" / f"{system.name}.wal.json"
