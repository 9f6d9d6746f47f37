"""Prove stored WAL: a random sample and always the newest are read back from every store, and opened where the key is.

The sample is drawn by a seed that the report names, so that anybody can draw it again.
"""

from __future__ import annotations

import hashlib
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from dr.catalog import labels
from dr.catalog.manifest import Compression, Level
from dr.catalog.wal_index import StoredSegment
from dr.configuration.model import System
from dr.crypto.gnupg import Cipher, opened
from dr.crypto.packets import ENOUGH, parse_envelope
from dr.errors import BackupInvalid, DrError, KeyUnusable, ObjectArchived, StoreError
from dr.operations.repositories import open_repository
from dr.pipeline.read import ObjectReader
from dr.storage.protocol import Store
from dr.storage.wal_catalogue import WalCatalogue

STEP = "prove WAL"


@dataclass(frozen=True, slots=True)
class SegmentProof:
    """One copy of one segment. ``level`` is ``checksummed`` (as stored) or ``decrypted``; empty when it is archived."""

    store: str
    segment: str
    passed: bool
    level: str
    seconds: float
    detail: str = ""


@dataclass(frozen=True, slots=True)
class WalProof:
    """All of one sample. ``silent`` stores could not be asked: name and why."""

    seed: str
    proofs: tuple[SegmentProof, ...]
    silent: tuple[tuple[str, str], ...] = ()

    @property
    def problems(self) -> tuple[str, ...]:
        """The copies that are not what was stored."""
        return tuple(f"{item.segment} in {item.store}: {item.detail}" for item in self.proofs if not item.passed)


def prove_wal(system: System, *, sample: int, seed: str) -> WalProof:
    """Read back ``sample`` closed segments of every store, the newest among them. Damage is told, not raised."""
    repository = open_repository(system)
    catalogue = WalCatalogue(system.name, repository.stores.values())
    proofs: list[SegmentProof] = []
    silent: list[tuple[str, str]] = []
    with opened(system.encryption) as cipher:
        for name, store in repository.stores.items():
            try:
                chosen = _draw(catalogue, name, sample, seed)
            except DrError as error:
                silent.append((name, error.message))
                continue
            proofs += [prove_segment(system.name, store, item, cipher) for item in chosen]
    return WalProof(seed, tuple(proofs), tuple(silent))


def _draw(catalogue: WalCatalogue, store: str, sample: int, seed: str) -> Sequence[StoredSegment]:
    """The newest, and others from log files drawn at random: every log file that is drawn costs one record to read."""
    names = sorted(catalogue.block_names(store))
    # Not for secrecy: the point of the seed is that the draw can be repeated.
    dice = random.Random(f"{seed}/{store}")  # noqa: S311
    found: dict[str, StoredSegment] = {}
    for timeline, log in reversed(names):
        block = catalogue.read_block(store, timeline, log)
        if block is not None and block.segments:
            found[block.segments[-1].name] = block.segments[-1]
            break
    for timeline, log in dice.choices(names, k=max(sample - 1, 0)) if names else ():
        block = catalogue.read_block(store, timeline, log)
        if block is not None and block.segments:
            entry = dice.choice(block.segments)
            found[entry.name] = entry
    return tuple(found.values())


def prove_segment(system: str, store: Store, entry: StoredSegment, cipher: Cipher) -> SegmentProof:
    """Read one copy of one segment. Damage is told; what lies in an archive class is not read (I30), and no damage."""
    begin = time.monotonic()
    try:
        level = _read_back(system, store, entry, cipher)
    except ObjectArchived as error:
        return SegmentProof(store.name, entry.name, True, "", time.monotonic() - begin, error.message)
    except (BackupInvalid, StoreError) as error:
        detail = error.message + (f" ({error.detail})" if error.detail else "")
        return SegmentProof(store.name, entry.name, False, "", time.monotonic() - begin, detail)
    except KeyUnusable as error:  # the bytes are right; only a locked key keeps us from opening them
        seconds = time.monotonic() - begin
        return SegmentProof(store.name, entry.name, True, Level.CHECKSUMMED.name.lower(), seconds, error.message)
    return SegmentProof(store.name, entry.name, True, level.name.lower(), time.monotonic() - begin)


def _read_back(system: str, store: Store, entry: StoredSegment, cipher: Cipher) -> Level:
    key = labels.wal_key(system, entry.segment)
    head, size, stored = b"", 0, hashlib.sha256()
    for chunk in store.read(key):
        head += chunk[: max(ENOUGH - len(head), 0)]
        size += len(chunk)
        stored.update(chunk)
    if stored.hexdigest() != entry.stored_sha256:
        raise BackupInvalid(
            f"{key} is damaged: its sha256 is not the one in the index",
            detail=f"{size} bytes, {stored.hexdigest()} instead of {entry.stored_bytes}, {entry.stored_sha256}",
            hint="Another store's copy may be whole.",
        )
    if not cipher.can_decrypt(parse_envelope(head, f"{store.name}:{key}")):
        return Level.CHECKSUMMED
    plain = hashlib.sha256()
    for chunk in _opened(store, key, cipher):
        plain.update(chunk)
    if plain.hexdigest() != entry.plain_sha256:
        raise BackupInvalid(
            f"{key} decrypts to something else than the server wrote",
            detail=f"sha256 {plain.hexdigest()}, the index says {entry.plain_sha256}",
            hint="Another store's copy may be right.",
        )
    return Level.DECRYPTED


def _opened(store: Store, key: str, cipher: Cipher) -> Iterator[bytes]:
    with (
        cipher.decryptor(key) as decryptor,
        ObjectReader(store, key, Compression.ZSTD, decryptor, step=STEP) as reader,
    ):
        yield from reader
        reader.finish()
