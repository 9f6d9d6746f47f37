"""Bring back days of logs, whichever of many backups they lie in: each has only what was new when it was made."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dr.catalog.labels import Kind
from dr.configuration.model import System
from dr.errors import BackupNotFound
from dr.operations.component.restore import RestoredComponent, find_component, prepare, restore_component
from dr.operations.repositories import open_repository


def restore_logs(system: System, directory: Path, wanted: Sequence[str] = ()) -> tuple[RestoredComponent, ...]:
    """Every backup that holds something of ``wanted`` (days, spans, classes; everything if empty), oldest first.

    Each goes into a directory of its own, named by its label. Raises ``TargetRefused`` unless ``directory`` is new or
    empty, ``BackupNotFound`` when nothing is found.
    """
    prepare(directory)
    restored = []
    names = [backup.manifest for backup in open_repository(system).newest_first([Kind.LOGS])]
    for manifest in reversed(names):
        if manifest.component is None or not manifest.component.items:
            continue  # a run that found nothing new
        try:
            found = find_component(system, manifest.label, Kind.LOGS)
            restored.append(restore_component(system, found, directory / manifest.label, tuple(wanted)))
        except BackupNotFound:
            continue
    if not restored:
        raise BackupNotFound(
            f"no backup of logs holds {', '.join(wanted) or 'anything'}",
            hint="A day is 2024-01-05, a span 2024-01-01..2024-01-07, a class application or audit.",
        )
    return tuple(restored)
