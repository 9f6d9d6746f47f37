"""The recoverable window of a system: of every store by itself, and of all of them together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime

from dr.catalog.labels import Kind
from dr.catalog.wal_index import StoredHistory, StoredPartial
from dr.configuration.model import System
from dr.errors import BackupInvalid
from dr.operations.repositories import open_repository
from dr.operations.wal.bases import BaseManifests, HeldBases
from dr.policy.wal_coverage import WalHoldings
from dr.policy.wal_window import Window, window
from dr.storage.newest_first import BackupNames
from dr.storage.wal_catalogue import StoreWal, WalCatalogue


@dataclass(frozen=True, slots=True)
class StoreWindow:
    """One store's window. ``only_here`` counts the closed segments that no other store has, ``lacking`` those that
    another store has and this one has not, the oldest of them since ``lacking_since``; ``newest`` is its newest WAL by
    name, a partial one included.
    """

    store: str
    window: Window
    newest: str = ""
    only_here: int = 0
    lacking: int = 0
    lacking_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class SystemWindow:
    """``together`` is what can be recovered with all stores at hand, ``stores`` what with one alone.

    ``silent`` stores did not answer (name and why); ``unreadable`` names damaged manifests and index records;
    ``disagreements`` are segments of which two stores hold different content. ``manifests_read`` of all base backups.
    """

    system: str
    together: Window
    stores: tuple[StoreWindow, ...]
    silent: tuple[tuple[str, str], ...] = ()
    unreadable: tuple[str, ...] = ()
    disagreements: tuple[str, ...] = ()
    manifests_read: int = 0
    timelines: tuple[int, ...] = field(default=())

    def on(self, timeline: int) -> SystemWindow:
        """The same with the intervals of one timeline only."""
        stores = tuple(replace(item, window=_on(item.window, timeline)) for item in self.stores)
        return replace(self, together=_on(self.together, timeline), stores=stores)


def find_window(system: System, gone: Mapping[str, frozenset[str]] | None = None) -> SystemWindow:
    """Read the index and the names of every store. Raises the first StoreError when no store answers.

    ``gone`` are segments by store that do not count, whatever its index says: their objects were removed.
    """
    repository = open_repository(system)
    catalogue = WalCatalogue(system.name, repository.stores.values())
    with ThreadPoolExecutor(len(repository.stores) + 1, thread_name_prefix="window") as pool:
        # Names across a network and the index are waited for at the same time.
        reading = [pool.submit(catalogue.read, name) for name in repository.stores]
        manifests, names = pool.submit(_manifests, repository.names()).result()
        read = [item.result() for item in reading]
    silent = {name: error.message for name, error in names.failures.items()}
    silent |= {item.store: item.error.message for item in read if item.error is not None}
    if len(silent) == len(repository.stores):
        names.raise_if_none_answered()
        raise next(item.error for item in read if item.error is not None)
    answered = [_without(item, (gone or {}).get(item.store, frozenset())) for item in read if item.error is None]
    return _assemble(system.name, manifests, answered, silent)


def _without(found: StoreWal, gone: frozenset[str]) -> StoreWal:
    if not gone:
        return found
    blocks = tuple(
        replace(block, segments=tuple(item for item in block.segments if item.name not in gone))
        for block in found.blocks
    )
    told = f"store {found.store} has lost {len(gone)} WAL segments of its index, {min(gone)} first: they were removed"
    return replace(found, blocks=blocks, unreadable=(*found.unreadable, told))


def _manifests(names: BackupNames) -> tuple[BaseManifests, BackupNames]:
    return BaseManifests(names, names.all([Kind.BASE])), names


def _assemble(
    system: str, manifests: BaseManifests, answered: Sequence[StoreWal], silent: dict[str, str]
) -> SystemWindow:
    unreadable: list[str] = [text for item in answered for text in item.unreadable]
    held: dict[str, WalHoldings] = {}
    for item in answered:
        try:
            held[item.store] = WalHoldings(item.blocks)
        except ValueError as error:
            raise BackupInvalid(
                f"the WAL index in store {item.store} contradicts itself: {error}",
                hint="Look for what else writes to this repository; two clusters under one name make both unusable.",
            ) from error
    histories: dict[int, StoredHistory] = {}
    for item in answered:
        histories = {**item.histories, **histories}
    together = next(iter(held.values())) if len(held) == 1 else _together(answered)
    all_bases = HeldBases(manifests, None)
    whole = window(together, histories, all_bases)
    stores = []
    for item in answered:
        if len(answered) == 1 and not silent:
            own = whole
        else:
            own = window(held[item.store], item.histories, HeldBases(manifests, item.store))
        stores.append(_compared(item.store, own, held))
    return SystemWindow(
        system,
        whole,
        tuple(stores),
        tuple(silent.items()),
        (*unreadable, *dict.fromkeys(manifests.unreadable)),
        _disagreements(held),
        manifests.count,
        tuple(sorted({*together.timelines, *histories})),
    )


def _together(answered: Sequence[StoreWal]) -> WalHoldings:
    try:
        return WalHoldings(block for item in answered for block in item.blocks)
    except ValueError as error:
        raise BackupInvalid(
            f"the stores' WAL indexes contradict each other: {error}",
            hint="They hold the WAL of two clusters. Give one of them a name of its own (DR_SYSTEM or --system).",
        ) from error


def _compared(store: str, own: Window, held: dict[str, WalHoldings]) -> StoreWindow:
    """One store beside the others."""
    mine = held[store].places.keys()
    others: dict[tuple[int, int], datetime] = {}
    for name, other in held.items():
        if name != store:
            others |= {place: other.places[place].stored_at for place in other.places.keys() - mine}
    elsewhere = {place for name, other in held.items() if name != store for place in other.places.keys() & mine}
    return StoreWindow(
        store,
        own,
        _newest(held[store]),
        len(mine) - len(elsewhere) if len(held) > 1 else 0,
        len(others),
        min(others.values(), default=None),
    )


def _newest(holdings: WalHoldings) -> str:
    """The newest WAL of the newest timeline."""
    if not holdings.timelines:
        return ""
    timeline = holdings.timelines[-1]
    piece = holdings.piece(timeline, holdings.numbers(timeline)[-1])
    if isinstance(piece, StoredPartial):
        return f"{piece.name}.partial"
    return piece.name if piece else ""


def _disagreements(held: dict[str, WalHoldings]) -> tuple[str, ...]:
    """Segments that two stores both have, with different content: at most one of them is the server's."""
    found = []
    names = list(held)
    for position, name in enumerate(names):
        for other in names[position + 1 :]:
            mine, theirs = held[name].places, held[other].places
            found += [
                f"{item.name} differs between {name} and {other}"
                for place, item in mine.items()
                if place in theirs and theirs[place].plain_sha256 != item.plain_sha256
            ]
    return tuple(found)


def _on(whole: Window, timeline: int) -> Window:
    return replace(whole, intervals=tuple(item for item in whole.intervals if item.timeline == timeline))
