"""One run at a time per system and verb: the lease is held while the body runs, and given back however it ends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from dr.catalog.labels import lease_prefix
from dr.operations.repositories import open_repository
from dr.storage.lease import HeldLeases, Holder, hold_all
from tasks.pings import tell_begun
from tasks.runner import current_run
from tasks.systems import load_system


@contextmanager
def exclusive(system: str, verb: str, *, cloud: bool = True, require_postgres: bool = True) -> Iterator[HeldLeases]:
    """Hold the lease of ``verb`` on a system in every store that can grant it. Raises ``LeaseHeld`` (I25)."""
    settings = load_system(system, require_postgres=require_postgres)
    stores = open_repository(settings, cloud=cloud).stores.values()
    holder = Holder.here(current_run().id, verb)
    with hold_all(stores, lease_prefix(settings.name, verb), holder) as leases:
        tell_begun(settings.alerting.pings)
        yield leases
