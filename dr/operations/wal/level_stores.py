"""Bring the stores level: what one of them misses is copied, as it is stored, from another that has it.

Copying is done in slices, so that the receiver goes on shipping in between; and by the thread that ships, so that an
object that is just being stored is never copied over.
"""

from __future__ import annotations

import hashlib
import logging
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial as bound

from dr.catalog.wal_index import StoredHistory, StoredSegment
from dr.configuration.model import System
from dr.errors import DrError, LeaseHeld, StoreError
from dr.operations.draft import StoreFailure
from dr.operations.repositories import open_repository
from dr.operations.wal.lanes import Lane, failures, open_lanes, require_any
from dr.operations.wal.level_survey import Missing, Survey, survey
from dr.operations.wal.ship_segment import Sealed, store
from dr.operations.wal.whose_wal import recorded_identifier
from dr.storage.lease import Holder
from dr.storage.repository import Repository

logger = logging.getLogger(__name__)

_COPIES = 4
SLICE = 32


@dataclass(frozen=True, slots=True)
class LevelSummary:
    """Objects and bytes copied; ``missing`` what some store still lacks although another has it.

    ``conflicts`` names what two stores have under one name with different content: neither is touched.
    """

    copied: int
    copied_bytes: int
    missing: int
    failures: tuple[StoreFailure, ...]
    conflicts: tuple[str, ...] = ()


def level_stores(system: System) -> LevelSummary:
    """Copy what stores miss. While a receiver holds the ``wal`` lease it does that itself: then only counted."""
    repository = open_repository(system)
    identifier = recorded_identifier(repository)
    if identifier is None:
        return LevelSummary(0, 0, 0, ())
    with open_lanes(repository, Holder.here("level", "level WAL"), identifier) as lanes:
        try:
            require_any(lanes)
        except LeaseHeld:
            found = survey(repository, tuple(repository.stores))
            return LevelSummary(0, 0, len(found.missing), tuple(found.failures), tuple(found.conflicts))
        leveller = Leveller(repository, lanes)
        leveller.take(survey(repository, [lane.name for lane in lanes if lane.is_ready()]))
        while leveller.go_on():
            pass
        return leveller.summary


class Leveller:
    """Copies what a survey found missing, a slice at a time."""

    def __init__(self, repository: Repository, lanes: Sequence[Lane]) -> None:
        self._repository, self._lanes = repository, tuple(lanes)
        self._todo: deque[Missing] = deque()
        self._found = Survey()
        self._copied = self._copied_bytes = self._left = 0

    @property
    def is_done(self) -> bool:
        return not self._todo

    @property
    def conflicts(self) -> tuple[str, ...]:
        return tuple(self._found.conflicts)

    @property
    def summary(self) -> LevelSummary:
        """What was done since ``take``."""
        told = {item.store: item for item in (*self._found.failures, *failures(self._lanes))}
        missing = len(self._todo) + self._left
        return LevelSummary(self._copied, self._copied_bytes, missing, tuple(told.values()), self.conflicts)

    def take(self, found: Survey) -> None:
        """Begin with what a survey found; breaks are entered at once."""
        self._found, self._todo = found, deque(found.missing)
        self._copied = self._copied_bytes = self._left = 0
        ready = self._ready()
        for name, block, gone in found.breaks:
            if name in ready:
                enter = bound(
                    ready[name].index.add_break, block.system_identifier, block.geometry, block.timeline, gone
                )
                _guarded(ready[name], enter)

    def go_on(self, count: int = SLICE) -> bool:
        """Copy up to ``count`` more objects; False when nothing is left to do."""
        ready = self._ready()
        batch = [self._todo.popleft() for _ in range(min(count, len(self._todo)))]
        possible = [item for item in batch if item.target in ready and item.source in ready]
        possible = [item for item in possible if _still_missing(ready[item.target], item)]
        self._left += sum(item.target not in ready or item.source not in ready for item in batch)
        with ThreadPoolExecutor(_COPIES, thread_name_prefix="level WAL") as pool:
            sizes = list(pool.map(lambda item: self._copy(ready, item), possible))
        done = [(item, size) for item, size in zip(possible, sizes, strict=True) if size is not None]
        entered = _enter(ready, [item for item, _ in done])
        self._copied += len(entered)
        self._copied_bytes += sum(size for item, size in done if item in entered)
        self._left += len(possible) - len(entered)
        if not self._todo and self._copied:
            logger.info("%d WAL objects copied to stores that missed them", self._copied)
        return bool(self._todo)

    def _ready(self) -> Mapping[str, Lane]:
        return {lane.name: lane for lane in self._lanes if lane.is_ready()}

    def _copy(self, ready: Mapping[str, Lane], item: Missing) -> int | None:
        """Bytes copied, or None when the object could not be copied from there to there."""
        try:
            data = self._repository.stores[item.source].read_bytes(item.key)
            digest = hashlib.sha256(data).hexdigest()
            if digest != item.entry.stored_sha256:
                raise StoreError(f"{item.key} in store {item.source} is damaged: its sha256 is not that of the index")
        except DrError as error:
            logger.warning("%s cannot be copied from store %s: %s", item.key, item.source, error.message)
            return None
        target = ready[item.target]
        target.depart()
        try:
            store(target.store, item.key, Sealed(data, digest))
        except DrError as error:
            target.fail(error)
            return None
        finally:
            target.arrive()
        return len(data)


def _still_missing(lane: Lane, item: Missing) -> bool:
    """Whether nothing was stored under that name since the survey."""
    entry = item.entry
    try:
        if isinstance(entry, StoredHistory):
            return lane.index.history(entry.timeline) is None
        if lane.index.find(entry.segment) is not None:
            return False
        known = lane.index.partial(entry.segment)
        return isinstance(entry, StoredSegment) or known is None or known.valid_bytes < entry.valid_bytes
    except StoreError as error:
        lane.fail(error)
        return False


def _enter(ready: Mapping[str, Lane], items: Sequence[Missing]) -> list[Missing]:
    """Enter what was copied, one write per log file; those that were entered."""
    entered: list[Missing] = []
    groups: dict[tuple[str, int, int], list[tuple[Missing, StoredSegment]]] = {}
    for item in items:
        lane, entry, block = ready[item.target], item.entry, item.block
        if isinstance(entry, StoredSegment):
            groups.setdefault((item.target, entry.segment.timeline, entry.segment.log), []).append((item, entry))
        elif isinstance(entry, StoredHistory):
            if _guarded(lane, bound(lane.index.add_history, entry)):
                entered.append(item)
        elif block is not None and _guarded(
            lane, bound(lane.index.set_partial, block.system_identifier, block.geometry, entry)
        ):
            entered.append(item)
    for (name, _, _), group in groups.items():
        block = group[0][0].block
        if block is None:
            continue
        entries = [entry for _, entry in group]
        add = bound(ready[name].index.add_segments, block.system_identifier, block.geometry, entries)
        if _guarded(ready[name], add):
            entered += [item for item, _ in group]
    return entered


def _guarded(lane: Lane, action: Callable[[], None]) -> bool:
    try:
        action()
    except LeaseHeld:
        raise
    except DrError as error:
        lane.fail(error)
        return False
    return True
