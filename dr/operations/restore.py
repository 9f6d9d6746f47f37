"""Restore a backup to its target, whichever kind it is."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from dr.catalog.manifest import Manifest
from dr.configuration.model import System
from dr.evidence.phases import Phase
from dr.operations.find_backup import Found, source_stores
from dr.operations.plan_recovery import Chosen
from dr.operations.restore_chain import restore_chain
from dr.operations.restore_cluster import RestoredCluster, restore_cluster
from dr.operations.restore_database import restore_database
from dr.operations.target import DirectoryTarget
from dr.operations.unpack_cluster import empty
from dr.operations.wal.prefetch import make_spool, prefetching, remove_spool
from dr.policy.recovery_point import Base
from dr.storage.protocol import Store


@dataclass(frozen=True, slots=True)
class Restored:
    """A backup that lies in its target, from which store it came, and how long each stage was at work."""

    target: str
    store: str
    phases: tuple[Phase, ...]
    notes: tuple[str, ...]


def restore(system: System, chosen: Chosen) -> Restored:
    """Bring the chosen backup to its target."""
    if isinstance(chosen.target, DirectoryTarget):
        laid_out = _lay_out(system, chosen, chosen.target.directory)
        return Restored(laid_out.directory, laid_out.store, laid_out.phases, laid_out.notes)
    loaded = restore_database(system, chosen.found, chosen.target)
    return Restored(str(chosen.target), loaded.store, loaded.phases, loaded.notes)


def _lay_out(system: System, chosen: Chosen, directory: Path) -> RestoredCluster:
    """The data directory, while its WAL is already on its way. On failure nothing is left of either."""
    point = chosen.point
    if point is None:
        return restore_cluster(system, chosen.found, directory)
    existed = directory.exists()
    make_spool(directory, point)
    with ExitStack() as undo:
        undo.callback(remove_spool, directory)
        with prefetching(system, point, directory) as prefetch:
            laid_out = _from_chain(system, point.chain, directory)
            undo.callback(empty, directory, remove=not existed)
            undo.callback(empty, directory.with_name(directory.name + "_tablespaces"), remove=True)
            prefetch.require()
        undo.pop_all()
    return replace(laid_out, notes=(*laid_out.notes, *prefetch.notes))


def _from_chain(system: System, chain: tuple[Base, ...], directory: Path) -> RestoredCluster:
    if len(chain) == 1:
        return restore_cluster(system, Found(chain[0].manifest, chain[0].stores), directory)
    found = {base.label: Found(base.manifest, base.stores) for base in chain}

    def stores_of(manifest: Manifest) -> tuple[Store, ...]:
        return source_stores(system, found[manifest.label])

    return restore_chain(system, tuple(base.manifest for base in chain), stores_of, directory)
