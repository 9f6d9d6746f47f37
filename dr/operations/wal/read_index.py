"""What all stores together hold of the WAL, and which store has which piece."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from dr.catalog import labels
from dr.catalog.wal_index import Ancestor, StoredHistory, StoredPartial, StoredSegment, WalBlock
from dr.catalog.wal_names import history_name
from dr.configuration.model import System
from dr.errors import BackupInvalid
from dr.operations.repositories import open_repository
from dr.policy.recovery_point import HistoryFile, WalCopy, WalPiece
from dr.policy.wal_coverage import Piece, WalHoldings, combined
from dr.storage.protocol import Store
from dr.storage.wal_catalogue import StoreWal, WalCatalogue


@dataclass(frozen=True, slots=True)
class WalIndex:
    """The index of every store, nearest first, as one. ``notes`` name what could not be read."""

    system: str
    stores: tuple[StoreWal, ...]
    holdings: WalHoldings
    histories: dict[int, StoredHistory]
    notes: tuple[str, ...]

    @property
    def ancestors(self) -> dict[int, tuple[Ancestor, ...]]:
        """Each timeline's parents."""
        return {timeline: history.ancestors for timeline, history in self.histories.items()}

    @property
    def history_files(self) -> tuple[HistoryFile, ...]:
        """All history files: the server needs its own, and the others to choose a number for its new timeline."""
        return tuple(HistoryFile(history_name(timeline), item.content) for timeline, item in self.histories.items())

    def with_copies(self, pieces: Iterable[Piece]) -> tuple[tuple[WalPiece, ...], tuple[str, ...]]:
        """Where each piece is stored; and a warning for each that is not the same everywhere."""
        places = [(store.store, {(b.timeline, b.log): _Block(b) for b in store.blocks}) for store in self.stores]
        found, warnings = [], []
        for piece in pieces:
            entries: list[WalCopy] = []
            for store, blocks in places:
                block = blocks.get((piece.segment.timeline, piece.segment.log))
                entry = block.find(piece) if block else None
                if entry is None:
                    continue
                if entry.plain_sha256 != piece.plain_sha256:
                    warnings.append(f"{store} holds another {piece.name} than {entries[0].store}; that one is not used")
                    continue
                key = _key(self.system, entry)
                entries.append(WalCopy(store, key, entry.stored_bytes, entry.stored_sha256))
            valid = piece.valid_bytes if isinstance(piece, StoredPartial) else None
            found.append(WalPiece(str(piece.segment), valid, piece.plain_sha256, tuple(entries)))
        return tuple(found), tuple(warnings)


class _Block:
    """One store's record of a log file, its entries by name."""

    def __init__(self, block: WalBlock) -> None:
        self._segments = {item.name: item for item in block.segments}
        self._partials = {(item.name, item.valid_bytes): item for item in block.partials}

    def find(self, piece: Piece) -> Piece | None:
        if isinstance(piece, StoredSegment):
            return self._segments.get(piece.name)
        return self._partials.get((piece.name, piece.valid_bytes))


def _key(system: str, entry: Piece) -> str:
    if isinstance(entry, StoredPartial):
        return labels.wal_partial_key(system, entry.segment, entry.valid_bytes)
    return labels.wal_key(system, entry.segment)


def read_index(system: System) -> WalIndex:
    """Read all stores' indexes. Raises ``BackupInvalid`` when they speak of different clusters."""
    repository = open_repository(system)
    stores: list[Store] = sorted(repository.stores.values(), key=lambda store: not store.is_local)
    read = WalCatalogue(system.name, stores).read_all()
    notes = [f"the WAL index in {item.store}: {line}" for item in read for line in item.unreadable]
    notes += [f"the WAL index of {item.store} cannot be read: {item.error.message}" for item in read if item.error]
    try:
        holdings = combined({item.store: item.blocks for item in read})
    except ValueError as error:
        raise BackupInvalid(
            "the stores' WAL is of different clusters", str(error), "Remove the store that does not belong here."
        ) from error
    histories: dict[int, StoredHistory] = {}
    for item in read:
        for timeline, history in item.histories.items():
            histories.setdefault(timeline, history)
    return WalIndex(system.name, read, holdings, histories, tuple(notes))
