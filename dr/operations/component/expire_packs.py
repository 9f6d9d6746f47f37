"""Let go of shared objects that no backup in their store needs any more: after its manifests expired, never before.

What refers to an object is known only when every manifest can be read: while one cannot, or any store is silent,
nothing goes (I14, I16). One that nobody refers to may be one that a run is just writing, so it is kept for a time.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from dr.catalog.labels import Kind, shared_prefix
from dr.catalog.sharing import is_shared
from dr.configuration.model import System
from dr.operations.repositories import open_repository
from dr.storage.repository import Listing, Repository

logger = logging.getLogger(__name__)

GRACE = timedelta(hours=24)
"""No backup takes longer than that from its first object to its manifest."""


@dataclass(frozen=True, slots=True)
class PackExpiry:
    """Of one store: the keys that go and their bytes, how many stay, and why so."""

    store: str
    going: tuple[str, ...]
    stored_bytes: int
    staying: int
    reason: str


def plan_pack_expiry(
    system: System, now: datetime, *, kind: Kind = Kind.FILES, stores: Sequence[str] = (), grace: timedelta = GRACE
) -> tuple[PackExpiry, ...]:
    """What would go from each of these stores (default: the local ones), and why. Nothing is removed.

    Raises StoreError when a store that is asked about does not list what it has.
    """
    repository = open_repository(system)
    names = tuple(stores) or tuple(name for name, store in repository.stores.items() if store.is_local)
    listing = repository.list([kind])
    return tuple(_plan(repository, name, listing, kind, now, grace) for name in names)


def _plan(
    repository: Repository, name: str, listing: Listing, kind: Kind, now: datetime, grace: timedelta
) -> PackExpiry:
    held = list(repository.store(name).list(shared_prefix(repository.system, kind)))
    doubt = _doubt(listing)
    if doubt:
        return PackExpiry(name, (), 0, len(held), doubt)
    needed = _needed(listing, name)
    going = [item for item in held if item.key not in needed and item.modified < now - grace]
    young = sum(item.key not in needed and item.modified >= now - grace for item in held)
    reason = f"no manifest in {name} refers to them" if going else f"all but {young} new ones are needed"
    staying = len(held) - len(going)
    return PackExpiry(name, tuple(item.key for item in going), sum(item.size for item in going), staying, reason)


def _needed(listing: Listing, store: str) -> set[str]:
    """The keys that the manifests in one store refer to."""
    return {
        item.key
        for backup in listing.backups
        if store in backup.stores
        for item in backup.manifest.objects
        if is_shared(backup.manifest, item)
    }


def _doubt(listing: Listing) -> str:
    """Why it cannot be known what is needed; empty when it can."""
    if listing.unreadable:
        return f"a manifest cannot be read: {listing.unreadable[0]}"
    for name, error in listing.failures.items():
        return f"store {name} does not tell what it has: {error.message}"
    return ""


def remove_packs(system: System, plan: Sequence[PackExpiry], *, kind: Kind = Kind.FILES) -> tuple[str, ...]:
    """Carry a plan out; what was removed, as ``store:key``. What has been referred to since the plan stays."""
    repository = open_repository(system)
    removed = []
    for item in plan:
        if not item.going:
            continue
        # Asked again: a backup may have been published since, and a manifest may have become unreadable.
        listing = repository.list([kind])
        if doubt := _doubt(listing):
            logger.warning("no pack was removed from %s: %s", item.store, doubt)
            continue
        needed = _needed(listing, item.store)
        going = [key for key in item.going if key not in needed]
        for key in going:
            repository.store(item.store).delete(key)
            removed.append(f"{item.store}:{key}")
        logger.info("removed %d packs from %s: %s", len(going), item.store, item.reason)
    return tuple(removed)
