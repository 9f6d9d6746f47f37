"""What earlier backups of a kind have stored and a new one may refer to: only what every store of it holds whole.

A store is believed what its own newest published backup refers to: that was read back when it was written, and a share
of it is read again every day. What a killed or unproven run left behind is not used. A store that lacks an object, be
it new or damaged, gets it from another store, byte for byte.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from dr.catalog.labels import Kind, shared_prefix
from dr.catalog.manifest import Manifest, ObjectRecord
from dr.catalog.sharing import is_shared
from dr.errors import BackupInvalid, StoreError
from dr.storage.protocol import Store
from dr.storage.repository import Repository

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Holdings:
    """Of each store its newest published backup, and the keys of the shared objects that it holds whole.

    ``silent``: stores that did not answer, and how.
    """

    newest: Mapping[str, Manifest]
    whole: Mapping[str, frozenset[str]]
    silent: Mapping[str, StoreError]

    @property
    def records(self) -> dict[str, ObjectRecord]:
        """What any newest backup refers to, by key."""
        return {
            item.key: item
            for manifest in self.newest.values()
            for item in manifest.objects
            if is_shared(manifest, item)
        }


def survey_shared(system: str, kind: Kind, stores: Mapping[str, Store]) -> Holdings:
    """Look at every store: one manifest, one listing, and all of its objects where its copy was found damaged."""
    newest: dict[str, Manifest] = {}
    whole: dict[str, frozenset[str]] = {}
    silent: dict[str, StoreError] = {}
    for name, store in stores.items():
        try:
            found = next(Repository(system, [store]).newest_first([kind]), None)
            if found is not None:
                newest[name] = found.manifest
                whole[name] = frozenset(_whole(store, found.manifest))
            else:
                whole[name] = frozenset()
        except StoreError as error:
            silent[name] = error
    return Holdings(newest, whole, silent)


def _whole(store: Store, manifest: Manifest) -> Iterator[str]:
    sizes = {item.key: item.size for item in store.list(shared_prefix(manifest.system, manifest.kind))}
    # It failed when it was last read: some of it is bad, and only reading tells what.
    doubtful = manifest.proven_level(store.name) is None
    for item in manifest.objects:
        if not is_shared(manifest, item) or sizes.get(item.key) != item.stored_bytes:
            continue
        if not doubtful or _hash_of(store, item.key) == item.stored_sha256:
            yield item.key


def _hash_of(store: Store, key: str) -> str:
    digest = hashlib.sha256()
    try:
        for chunk in store.read(key):
            digest.update(chunk)
    except StoreError as error:
        logger.warning("%s in %s cannot be read: %s", key, store.name, error.message)
        return ""
    return digest.hexdigest()


def copy_missing(stores: Mapping[str, Store], holdings: Holdings) -> dict[str, ObjectRecord]:
    """Bring every shared object into every store; those that all stores hold now, by key.

    An object that is whole nowhere, or that a store does not take, is left out: its content is then stored anew.
    """
    everywhere: dict[str, ObjectRecord] = {}
    for key, item in holdings.records.items():
        having = [name for name in stores if key in holdings.whole.get(name, ())]
        lacking = [name for name in stores if name not in having]
        sources = [stores[name] for name in having]
        if sources and all(_copied(item, sources, stores[name]) for name in lacking):
            everywhere[key] = item
    return everywhere


def _copied(item: ObjectRecord, sources: list[Store], target: Store) -> bool:
    """Copy from the first store that gives it whole, and read the copy back (I12)."""
    for source in sources:
        try:
            with target.writer(item.key) as writer:
                digest = hashlib.sha256()
                for chunk in source.read(item.key):
                    digest.update(chunk)
                    writer.write(chunk)
                if digest.hexdigest() != item.stored_sha256:
                    raise BackupInvalid(f"{item.key} in {source.name} is damaged")
            if _hash_of(target, item.key) == item.stored_sha256:
                logger.info("copied %s from %s to %s, which lacked it", item.key, source.name, target.name)
                return True
        except (BackupInvalid, StoreError) as error:
            logger.warning("%s was not copied from %s to %s: %s", item.key, source.name, target.name, error.message)
    return False
