"""Manifests as the stores hold them: which there are by their names, and reading many at a time."""

from __future__ import annotations

import dataclasses
import logging
from collections import deque
from collections.abc import Callable, Iterable, Iterator, MutableSequence, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from dr.catalog import labels
from dr.catalog.labels import Label
from dr.catalog.manifest import Level, Manifest, from_json
from dr.errors import BackupInvalid, ObjectMissing
from dr.storage.proofs import read_proofs
from dr.storage.protocol import Store

logger = logging.getLogger(__name__)

_READERS = 16
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Backup:
    """One backup as found: its manifest, and the stores in which a manifest of it was really seen."""

    manifest: Manifest
    stores: tuple[str, ...]

    @property
    def label(self) -> Label:
        return self.manifest.parsed_label

    @property
    def proven_level(self) -> Level | None:
        """The highest level proven of a copy that is still there."""
        return max((level for name in self.stores if (level := self.manifest.proven_level(name))), default=None)


def backup_of(copies: Sequence[tuple[str, Manifest]]) -> Backup:
    """One backup from its manifests by store: they may differ in what was proven later, so the proofs are united."""
    first = copies[0][1]
    proofs = dict.fromkeys(proof for _, manifest in copies for proof in manifest.verifications)
    stores = dict.fromkeys(name for _, manifest in copies for name in manifest.stores)
    united = dataclasses.replace(first, verifications=tuple(proofs), stores=tuple(stores))
    return Backup(united, tuple(name for name, _ in copies))


def manifest_keys(store: Store, prefixes: Iterable[str]) -> Iterator[str]:
    """The keys of all manifests under these prefixes, to the end however many there are (I15)."""
    for prefix in prefixes:
        for item in store.list(prefix):
            if item.key.endswith(labels.MANIFEST_SUFFIX):
                yield item.key


def read_manifest(store: Store, key: str) -> Manifest:
    """The manifest under ``key``, with what was proven since it was published.

    Raises ``BackupInvalid``, also when it is that of another backup, and StoreError.
    """
    manifest = from_json(store.read_bytes(key), f"{store.name}:{key}")
    if key != labels.manifest_key(manifest.system, manifest.parsed_label):
        raise BackupInvalid(
            f"{store.name}:{key} is the manifest of {manifest.label} of {manifest.system}",
            hint="Somebody copied or renamed it. Put the right one back from another store, or use another backup.",
        )
    return _with_later_proofs(store, manifest)


def _with_later_proofs(store: Store, manifest: Manifest) -> Manifest:
    try:
        later = read_proofs(store, manifest.system, manifest.parsed_label).proofs
    except BackupInvalid as error:
        # It speaks of the backup and is no part of it: what it said is unknown now, and the backup is as it was.
        logger.warning("%s", error)
        return manifest
    return dataclasses.replace(manifest, verifications=(*manifest.verifications, *later)) if later else manifest


def whole(manifest: Manifest) -> Manifest:
    """All of it: for who needs the objects."""
    return manifest


def essentials(manifest: Manifest) -> Manifest:
    """What decides how long a backup stays. Its objects and tables, thousands of them, are left out."""
    return dataclasses.replace(manifest, objects=(), contents=None, table_estimates=())


def each_manifest(
    store: Store, keys: Sequence[str], unreadable: MutableSequence[str], keep: Callable[[Manifest], T]
) -> Iterator[T]:
    """What ``keep`` takes from each manifest under these keys, in their order, several read at a time.

    The rest is let go of as soon as it was read: one manifest may be megabytes, and there are thousands. Damaged ones
    are named in ``unreadable``. Raises StoreError when the store does not answer, in the midst of it too.
    """

    def read(key: str) -> tuple[T] | str | None:
        try:
            return (keep(read_manifest(store, key)),)
        except BackupInvalid as error:
            return f"{store.name}:{key}: {error.message}"
        except ObjectMissing:
            return None  # expired by another run between the listing and the reading

    # A directory is read faster by one thread: there is nothing to wait for.
    if store.is_local or len(keys) < 2:
        results: Iterator[tuple[T] | str | None] = map(read, keys)
    else:
        results = _several(read, keys)
    for item in results:
        if isinstance(item, tuple):
            yield item[0]
        elif item is not None:
            unreadable.append(item)


def _several(read: Callable[[str], T], keys: Sequence[str]) -> Iterator[T]:
    """In the keys' order, no more of them ahead of what was asked for than are read at a time."""
    waiting: deque[Future[T]] = deque()
    with ThreadPoolExecutor(min(_READERS, len(keys)), thread_name_prefix="manifests") as pool:
        try:
            for key in keys:
                waiting.append(pool.submit(read, key))
                if len(waiting) > _READERS:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
