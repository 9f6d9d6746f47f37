"""Let go of shared objects that no backup in their store needs any more: after its manifests expired, never before.

What refers to an object is known only when every manifest can be read: while one cannot, or any store is silent,
nothing goes (I14, I16). One that nobody refers to may be one that a run is just writing, so it is kept for a time.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from dr.catalog.labels import Kind, shared_prefix
from dr.catalog.manifest import Manifest
from dr.catalog.sharing import is_shared
from dr.configuration.model import System
from dr.errors import StoreDenied, StoreError
from dr.operations.repositories import open_repository
from dr.storage.protocol import StoredObject
from dr.storage.repository import Repository

logger = logging.getLogger(__name__)

GRACE = timedelta(hours=24)
"""No backup takes longer than that from its first object to its manifest."""


@dataclass(frozen=True, slots=True)
class PackExpiry:
    """Of one store: the keys that go and their bytes, how many stay, and why so.

    Carried out, ``going`` and ``stored_bytes`` are what is gone. ``retained`` should have gone, and the store did not
    let it; these count among those that stay.
    """

    store: str
    going: tuple[str, ...]
    stored_bytes: int
    staying: int
    reason: str
    retained: tuple[str, ...] = ()


def plan_pack_expiry(
    system: System, now: datetime, *, kind: Kind = Kind.FILES, stores: Sequence[str] = (), grace: timedelta = GRACE
) -> tuple[PackExpiry, ...]:
    """What would go from each of these stores (default: the local ones), and why. Nothing is removed.

    Raises StoreError when a store that is asked about does not list what it has.
    """
    repository = open_repository(system)
    names = tuple(stores) or tuple(name for name, store in repository.stores.items() if store.is_local)
    needed, doubt = _needed(repository, kind)
    plan = []
    for name in names:
        held = tuple(repository.store(name).list(shared_prefix(repository.system, kind)))
        plan.append(
            PackExpiry(name, (), 0, len(held), doubt) if doubt else _plan(name, held, needed[name], now - grace)
        )
    return tuple(plan)


def _plan(name: str, held: Sequence[StoredObject], needed: Collection[str], before: datetime) -> PackExpiry:
    going = [item for item in held if item.key not in needed and item.modified < before]
    young = sum(item.key not in needed and item.modified >= before for item in held)
    reason = f"no manifest in {name} refers to them" if going else f"all but {young} new ones are needed"
    staying = len(held) - len(going)
    return PackExpiry(name, tuple(item.key for item in going), sum(item.size for item in going), staying, reason)


def _needed(repository: Repository, kind: Kind) -> tuple[Mapping[str, set[str]], str]:
    """The keys that the manifests in each store refer to; and why that cannot be known, empty when it can.

    Of a manifest no more than its keys is held, and of a key that many refer to one.
    """
    needed: dict[str, set[str]] = {}
    for name in repository.stores:
        found = needed[name] = set()
        unreadable: list[str] = []
        try:
            for keys in repository.each(name, [kind], unreadable, _shared_keys):
                found.update(keys)
        except StoreError as error:
            return needed, f"store {name} does not tell what it has: {error.message}"
        if unreadable:
            return needed, f"a manifest cannot be read: {unreadable[0]}"
    return needed, ""


def _shared_keys(manifest: Manifest) -> tuple[str, ...]:
    return tuple(item.key for item in manifest.objects if is_shared(manifest, item))


def remove_packs(system: System, plan: Sequence[PackExpiry], *, kind: Kind = Kind.FILES) -> tuple[PackExpiry, ...]:
    """Carry a plan out; the plan as it came out. What has been referred to since the plan stays."""
    if not any(item.going for item in plan):
        return tuple(plan)
    repository = open_repository(system)
    # Asked again: a backup may have been published since, and a manifest may have become unreadable.
    needed, doubt = _needed(repository, kind)
    if doubt:
        return tuple(_came_out(item, (), 0, doubt if item.going else item.reason) for item in plan)
    return tuple(_remove(repository, item, needed[item.store], kind) if item.going else item for item in plan)


def _remove(repository: Repository, item: PackExpiry, needed: Collection[str], kind: Kind) -> PackExpiry:
    store = repository.store(item.store)
    sizes = {listed.key: listed.size for listed in store.list(shared_prefix(repository.system, kind))}
    gone: list[str] = []
    retained: list[str] = []
    refusal = ""
    for key in (key for key in item.going if key not in needed):
        try:
            store.delete(key)
        except StoreDenied as error:
            # A lock on the object or a policy of the bucket: it protects us too, and asking again changes nothing.
            retained.append(key)
            refusal = refusal or error.detail or error.message
            continue
        gone.append(key)
    reasons = [item.reason]
    if since := len(item.going) - len(gone) - len(retained):
        reasons.append(f"{since} are needed since")
    if retained:
        reasons.append(f"the store keeps {len(retained)}: {refusal}")
    done = _came_out(item, gone, sum(sizes.get(key, 0) for key in gone), "; ".join(reasons), retained)
    logger.info("removed %d packs from %s: %s", len(gone), item.store, done.reason)
    return done


def _came_out(
    item: PackExpiry, gone: Sequence[str], stored_bytes: int, reason: str, retained: Sequence[str] = ()
) -> PackExpiry:
    staying = item.staying + len(item.going) - len(gone)
    return PackExpiry(item.store, tuple(gone), stored_bytes, staying, reason, tuple(retained))
