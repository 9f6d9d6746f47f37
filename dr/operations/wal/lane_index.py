"""A store's WAL index in the hands of its only writer: what it says, and entering more.

Records are kept as they were written: whoever holds the lease need not read them again.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace

from dr.catalog import labels
from dr.catalog.wal_index import Break, StoredHistory, StoredPartial, StoredSegment, WalBlock
from dr.catalog.wal_names import Segment, WalGeometry
from dr.errors import BackupInvalid, StoreError
from dr.storage.protocol import Store
from dr.storage.wal_catalogue import WalCatalogue

GRACE_SECONDS = 60.0
"""How long the object of an earlier state of the open segment stays after its entry has gone."""
_SUFFIX = f".zst{labels.ENCRYPTED_SUFFIX}"
_KEPT_RECORDS = 8


class LaneIndex:
    """The index of one store. ``check`` raises unless the lease is ours; it is asked before every change."""

    def __init__(self, system: str, store: Store, check: Callable[[], None]) -> None:
        self._system, self._store, self._check = system, store, check
        self._catalogue = WalCatalogue(system, [store])
        self._blocks: dict[tuple[int, int], WalBlock] = {}
        self._superseded: deque[tuple[float, str]] = deque()
        self._lock = threading.RLock()

    def forget(self) -> None:
        """Read everything anew: somebody else may have been at work."""
        with self._lock:
            self._blocks.clear()

    def block(self, timeline: int, log: int) -> WalBlock | None:
        """One log file's record as the store has it."""
        with self._lock:
            known = self._blocks.get((timeline, log))
            if known is None:
                known = self._read_block(timeline, log)
                if known is not None:
                    self._remember(known)
            return known

    def _read_block(self, timeline: int, log: int) -> WalBlock | None:
        try:
            return self._catalogue.read_block(self._store.name, timeline, log)
        except BackupInvalid as error:
            raise StoreError(f"the WAL index of store {self._store.name} is damaged", str(error), error.hint) from error

    def _remember(self, block: WalBlock) -> None:
        while len(self._blocks) > _KEPT_RECORDS:
            self._blocks.pop(next(iter(self._blocks)))
        self._blocks[block.timeline, block.log] = block

    def find(self, segment: Segment) -> StoredSegment | None:
        """The entry of a closed segment."""
        block = self.block(segment.timeline, segment.log)
        return block.find(segment) if block else None

    def partial(self, segment: Segment) -> StoredPartial | None:
        """The entry of an open segment."""
        block = self.block(segment.timeline, segment.log)
        return block.find_partial(segment) if block else None

    def add_segments(self, identifier: str, geometry: WalGeometry, entries: Sequence[StoredSegment]) -> None:
        """Enter closed segments, one write per log file; the objects of their open states are then deleted."""
        logs = {(entry.segment.timeline, entry.segment.log): None for entry in entries}
        for timeline, log in logs:
            mine = tuple(entry for entry in entries if (entry.segment.timeline, entry.segment.log) == (timeline, log))
            before = self._block_to_change(identifier, geometry, timeline, log)
            self._write(before, before.with_segments(mine))

    def set_partial(self, identifier: str, geometry: WalGeometry, entry: StoredPartial) -> None:
        """Enter what there is of the open segment; the object of its earlier state is then deleted."""
        segment = entry.segment
        before = self._block_to_change(identifier, geometry, segment.timeline, segment.log)
        self._write(before, before.with_partial(entry))

    def add_break(self, identifier: str, geometry: WalGeometry, timeline: int, gone: Break) -> None:
        """Enter WAL that cannot be had any more."""
        log = geometry.at(timeline, gone.begin).log
        before = self._block_to_change(identifier, geometry, timeline, log)
        if gone not in before.breaks:
            self._write(before, replace(before, breaks=(*before.breaks, gone)))

    def history(self, timeline: int) -> StoredHistory | None:
        """A timeline's record."""
        try:
            return self._catalogue.read_history(self._store.name, timeline)
        except BackupInvalid as error:
            raise StoreError(f"the WAL index of store {self._store.name} is damaged", str(error), error.hint) from error

    def add_history(self, history: StoredHistory) -> None:
        """Enter a timeline's history file."""
        self._check()
        self._catalogue.write_history(self._store.name, history)

    def _block_to_change(self, identifier: str, geometry: WalGeometry, timeline: int, log: int) -> WalBlock:
        self._check()
        return self.block(timeline, log) or WalBlock(self._system, identifier, timeline, log, geometry.segment_bytes)

    def _write(self, before: WalBlock, after: WalBlock) -> None:
        with self._lock:
            self._catalogue.write_block(self._store.name, after)
            self._remember(after)
        kept = {(item.name, item.valid_bytes) for item in after.partials}
        for former in before.partials:
            if (former.name, former.valid_bytes) not in kept:
                self._supersede(former, closed=after.find_partial(former.segment) is None)
        self.delete_superseded(time.monotonic() - GRACE_SECONDS)

    def _supersede(self, former: StoredPartial, *, closed: bool) -> None:
        """Its object goes when nobody can be about to read it any more: a recovery may have read the index before.

        With the segment closed, what killed runs have left of it goes too.
        """
        keys = [labels.wal_partial_key(self._system, former.segment, former.valid_bytes)]
        if closed:
            prefix = labels.wal_key(self._system, former.segment).removesuffix(_SUFFIX) + "."
            listed = (item.key for item in self._store.list(prefix))
            keys += [key for key in listed if ".partial." in key and key not in keys]
        known = {key for _, key in self._superseded}
        self._superseded.extend((time.monotonic(), key) for key in keys if key not in known)

    def delete_superseded(self, before: float) -> None:
        """Delete the objects of earlier states of the open segment that were replaced before then (monotonic)."""
        while self._superseded and self._superseded[0][0] <= before:
            self._store.delete(self._superseded[0][1])
            self._superseded.popleft()
