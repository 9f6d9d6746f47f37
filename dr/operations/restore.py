"""Restore a backup to its target, whichever kind it is."""

from __future__ import annotations

from dataclasses import dataclass

from dr.configuration.model import System
from dr.evidence.phases import Phase
from dr.operations.plan_recovery import Chosen
from dr.operations.restore_cluster import restore_cluster
from dr.operations.restore_database import restore_database
from dr.operations.target import DirectoryTarget


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
        laid_out = restore_cluster(system, chosen.found, chosen.target.directory)
        return Restored(laid_out.directory, laid_out.store, laid_out.phases, laid_out.notes)
    loaded = restore_database(system, chosen.found, chosen.target)
    return Restored(str(chosen.target), loaded.store, loaded.phases, loaded.notes)
