"""Read stored WAL again, a share of it every day: each closed segment of each store at least once in so many days.

A segment's day follows from its name, so nothing has to be kept per segment. Each store remembers up to which day its
shares were read, so that a day without a run is made up for, and which segments were damaged: those are read every
day until they pass or are gone.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime

import msgspec

from dr.catalog import labels
from dr.catalog.manifest import Level
from dr.catalog.wal_index import StoredSegment
from dr.catalog.wal_names import Segment
from dr.configuration.model import System
from dr.crypto.gnupg import Cipher, opened
from dr.errors import DrError, ObjectMissing
from dr.operations.repositories import open_repository
from dr.operations.wal.prove_wal import SegmentProof, prove_segment
from dr.storage.protocol import Store
from dr.storage.wal_catalogue import WalCatalogue


@dataclass(frozen=True, slots=True)
class Rotation:
    """One store's memory. ``day`` is a proleptic ordinal (UTC): all shares up to it were read; 0 for none."""

    day: int = 0
    damaged: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StoreWalProof:
    """One store's share. ``read`` of its ``segments``, ``opened`` of them decrypted too; ``archived`` were not read.

    ``silent``: why nothing could be read; empty otherwise. ``note``: why segments were not opened.
    """

    store: str
    segments: int = 0
    read: int = 0
    opened: int = 0
    archived: int = 0
    stored_bytes: int = 0
    seconds: float = 0.0
    damaged: tuple[SegmentProof, ...] = ()
    silent: str = ""
    note: str = ""

    @property
    def problems(self) -> tuple[str, ...]:
        """What is wrong, in words."""
        if self.silent:
            return (f"the WAL in store {self.store} cannot be read: {self.silent}",)
        return tuple(f"WAL {item.segment} in store {item.store}: {item.detail}" for item in self.damaged)

    @property
    def level(self) -> str:
        """What every segment that was read has reached; empty when none was read or one is damaged."""
        if not self.read or self.damaged:
            return ""
        return (Level.DECRYPTED if self.opened == self.read else Level.CHECKSUMMED).name.lower()


def share_of(name: str, days: int) -> int:
    """The share of a segment, 0 to ``days`` - 1, spread evenly over any run of names."""
    return zlib.crc32(name.encode()) % days


def is_due(entry: StoredSegment, rotation: Rotation, today: int, days: int) -> bool:
    """Whether a segment is to be read: its share's day has come since the last run, or it was stored since, or it was
    damaged.
    """
    if entry.name in rotation.damaged or entry.stored_at.toordinal() >= max(rotation.day, today - 1):
        return True
    behind = min(today - rotation.day, days)
    return (today - share_of(entry.name, days)) % days < behind


def verify_wal(system: System, days: int, now: datetime) -> tuple[StoreWalProof, ...]:
    """Read today's share of every store. Damage and silent stores are told, not raised."""
    repository = open_repository(system)
    catalogue = WalCatalogue(system.name, repository.stores.values())
    with opened(system.encryption) as cipher:
        return tuple(
            _verify(system, catalogue, store, cipher, days, now.toordinal()) for store in repository.stores.values()
        )


def _verify(
    system: System, catalogue: WalCatalogue, store: Store, cipher: Cipher, days: int, today: int
) -> StoreWalProof:
    begin = time.monotonic()
    try:
        rotation = read_rotation(store, system.name)
        held = list(_segments(catalogue, store.name))
        due = [entry for entry in held if is_due(entry, rotation, today, days)]
        with ThreadPoolExecutor(system.wal.workers, thread_name_prefix="verify WAL") as pool:
            proofs = list(pool.map(lambda entry: prove_segment(system.name, store, entry, cipher), due))
        damaged = tuple(item for item in proofs if not item.passed and _is_held(catalogue, store.name, item.segment))
        after = Rotation(today, tuple(item.segment for item in damaged))
        store.put_bytes(labels.wal_rotation_key(system.name), msgspec.json.encode(after))
    except DrError as error:
        return StoreWalProof(store.name, seconds=time.monotonic() - begin, silent=error.message)
    read = [item for item in proofs if item.passed and item.level]
    return StoreWalProof(
        store=store.name,
        segments=len(held),
        read=len(read) + len(damaged),
        opened=sum(item.level == Level.DECRYPTED.name.lower() for item in read),
        archived=sum(item.passed and not item.level for item in proofs),
        stored_bytes=sum(entry.stored_bytes for entry in due),
        seconds=time.monotonic() - begin,
        damaged=damaged,
        note=next((item.detail for item in read if item.detail), ""),
    )


def read_rotation(store: Store, system: str) -> Rotation:
    """A store's memory; a new one where there is none, or none that can be read: then everything is due."""
    try:
        return msgspec.json.decode(store.read_bytes(labels.wal_rotation_key(system)), type=Rotation)
    except (ObjectMissing, msgspec.DecodeError, msgspec.ValidationError):
        return Rotation()


def _segments(catalogue: WalCatalogue, store: str) -> Iterator[StoredSegment]:
    for timeline, log in sorted(catalogue.block_names(store)):
        block = catalogue.read_block(store, timeline, log)
        if block is not None:
            yield from block.segments


def _is_held(catalogue: WalCatalogue, store: str, name: str) -> bool:
    """Whether the index still speaks of a segment: it may have expired while it was read."""
    segment = Segment.parse(name)
    block = catalogue.read_block(store, segment.timeline, segment.log)
    return block is not None and block.find(segment) is not None
