"""The drills there were: each store keeps every record, and the history is what all of them have together."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime

from dr.catalog import labels
from dr.catalog.drills import DrillRecord, from_json, to_json
from dr.configuration.model import System
from dr.errors import BackupInvalid, StoreError
from dr.operations.repositories import open_repository
from dr.storage.protocol import Store

_THREADS = 8


@dataclass(frozen=True, slots=True)
class History:
    """Drills, newest first; records that cannot be read; stores that did not answer, with the reason."""

    records: tuple[DrillRecord, ...]
    unreadable: tuple[str, ...] = ()
    silent: tuple[tuple[str, str], ...] = ()


def keep_drill(system: System, record: DrillRecord) -> tuple[str, ...]:
    """Store the record wherever that is possible; the names of the stores that have it.

    Raises the last StoreError when none takes it: a drill that nobody can find afterwards was not made.
    """
    key, data = labels.drill_key(system.name, record.begin, record.run), to_json(record)
    taken, failure = [], None
    for name, store in open_repository(system).stores.items():
        try:
            store.put_bytes(key, data)
            taken.append(name)
        except StoreError as error:
            failure = error
    if not taken and failure is not None:
        raise failure
    return tuple(taken)


def read_history(system: System, since: datetime | None = None) -> History:
    """Every drill begun since then, of all stores together. Raises the first StoreError when no store answers."""
    found: dict[str, tuple[Store, str]] = {}
    silent: dict[str, StoreError] = {}
    prefix = labels.drills_prefix(system.name)
    stores = open_repository(system).stores
    for name, store in stores.items():
        try:
            for item in store.list(prefix):
                found.setdefault(item.key, (store, item.key))
        except StoreError as error:
            silent[name] = error
    if silent and len(silent) == len(stores):
        raise next(iter(silent.values()))
    oldest = f"{prefix}{since:%Y%m%d_%H%M%S}" if since else prefix
    wanted = [place for key, place in sorted(found.items(), reverse=True) if key >= oldest]
    records, unreadable = [], []
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="drills") as pool:
        for read in pool.map(_read, wanted):
            if isinstance(read, DrillRecord):
                records.append(read)
            else:
                unreadable.append(read)
    told = tuple((name, error.message) for name, error in silent.items())
    return History(tuple(records), tuple(unreadable), told)


def _read(place: tuple[Store, str]) -> DrillRecord | str:
    store, key = place
    try:
        return from_json(store.read_bytes(key), f"{store.name}:{key}")
    except (BackupInvalid, StoreError) as error:
        return error.message
