"""What the records of runs say, read from the stores: each once, since a record never changes.

What was read is noted on this host to spare the stores. The note may be lost: then all is read anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from dr.catalog.labels import evidence_key
from dr.catalog.runs import RunFacts, facts_of
from dr.configuration.model import System
from dr.errors import BackupInvalid, StoreError
from dr.operations.noted import read_note, write_note
from dr.operations.repositories import open_repository
from dr.storage.protocol import Store

_FORMAT = 1
_THREADS = 8
_AT_ONCE = 1000
_WHOLE_EVERY = timedelta(days=1)
"""In between only the years are listed of which records may still come."""
_YEAR_AGO = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class _Note:
    """``damaged`` are keys that hold no record in any store; ``listed`` is when everything was last listed."""

    format: int = _FORMAT
    runs: tuple[RunFacts, ...] = ()
    damaged: tuple[str, ...] = ()
    listed: datetime | None = None


def read_runs(system: System, now: datetime) -> tuple[RunFacts, ...]:
    """Every run that left a record, by when it began. Raises the first StoreError when no store answers."""
    note = _read_note(system)
    whole = note.listed is None or now - note.listed >= _WHOLE_EVERY
    known = {item.run: item for item in note.runs}
    places = _places(system, _prefixes(system, now, whole=whole))
    unread = [run for run in places if run not in known and run not in note.damaged]
    damaged = list(note.damaged)
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="evidence") as pool:
        for begin in range(0, len(unread), _AT_ONCE):
            some = unread[begin : begin + _AT_ONCE]
            for run, facts in zip(some, pool.map(lambda run: _read(places[run]), some), strict=True):
                if facts is None:
                    damaged.append(run)
                else:
                    known[facts.run] = facts
            # A first reading of years may be cut off: the next one goes on from here.
            write_note(_file(system), _Note(_FORMAT, tuple(known.values()), tuple(damaged), note.listed))
    if whole:
        write_note(_file(system), _Note(_FORMAT, tuple(known.values()), tuple(damaged), now))
    for facts in _waiting(system):
        known.setdefault(facts.run, facts)
    return tuple(sorted(known.values(), key=lambda item: item.begin))


def _prefixes(system: System, now: datetime, *, whole: bool) -> tuple[str, ...]:
    if whole:
        return (evidence_key(system.name, "", now).rpartition("/")[0].rpartition("/")[0] + "/",)
    years = dict.fromkeys((now - _YEAR_AGO, now))
    return tuple(dict.fromkeys(evidence_key(system.name, "", year).rpartition("/")[0] + "/" for year in years))


def _places(system: System, prefixes: Iterable[str]) -> dict[str, list[Callable[[], bytes]]]:
    """By the run: how each store that has its record gives it."""
    found: dict[str, list[Callable[[], bytes]]] = {}
    failures: list[StoreError] = []
    stores = open_repository(system).stores
    for store in stores.values():
        try:
            for prefix in prefixes:
                for item in store.list(prefix):
                    kind, _, run = Path(item.key).stem.partition("_")
                    if kind == "run":
                        found.setdefault(run, []).append(_reader(store, item.key))
        except StoreError as error:
            failures.append(error)
    if failures and len(failures) == len(stores):
        raise failures[0]
    return found


def _reader(store: Store, key: str) -> Callable[[], bytes]:
    return lambda: store.read_bytes(key)


def _read(copies: Iterable[Callable[[], bytes]]) -> RunFacts | None:
    """By the first store that gives it whole; None where each has only something else. Raises StoreError else."""
    silent: StoreError | None = None
    for copy in copies:
        try:
            return facts_of(copy(), "evidence")
        except BackupInvalid:
            continue
        except StoreError as error:
            silent = error
    if silent is not None:
        raise silent
    return None


def _waiting(system: System) -> Iterator[RunFacts]:
    """Records that no store has taken yet."""
    for file in sorted((system.state_directory / "runs" / system.name).glob("[0-9][0-9][0-9][0-9]-*.json")):
        try:
            yield facts_of(file.read_bytes(), str(file))
        except (OSError, BackupInvalid):
            continue  # shipped meanwhile, or not whole: whoever keeps it tells


def _file(system: System) -> Path:
    return system.state_directory / "measure" / f"{system.name}.runs.json"


def _read_note(system: System) -> _Note:
    note = read_note(_file(system), _Note)
    return note if note is not None and note.format == _FORMAT else _Note()
