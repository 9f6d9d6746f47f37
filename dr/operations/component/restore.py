"""Bring a component's backup into an empty directory, from the first store whose copy is whole."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from dr.catalog.labels import COMPONENT_KINDS, Kind
from dr.catalog.manifest import Manifest
from dr.components.protocol import Laid, PutsBack
from dr.components.registry import BY_KIND
from dr.configuration.model import System
from dr.crypto.gnupg import opened
from dr.errors import BackupNotFound, TargetRefused
from dr.evidence.phases import Phase
from dr.operations.component.source import StoreSource
from dr.operations.find_backup import LATEST, Found, find_backup, source_stores
from dr.operations.objects_back import from_first_whole_copy, streamed_phases
from dr.operations.unpack_cluster import empty
from dr.storage.protocol import Store


@dataclass(frozen=True, slots=True)
class RestoredComponent:
    """A copy that lies in ``directory``: which backup, from which store, what was brought, and how long it took."""

    manifest: Manifest
    directory: str
    store: str
    laid: Laid
    phases: tuple[Phase, ...]
    notes: tuple[str, ...]


def find_component(system: System, wanted: str, kind: Kind | None = None) -> Found:
    """A component's backup by label, or the latest of ``kind``. Raises ``BackupNotFound``."""
    if wanted in ("", LATEST) and kind is None:
        raise BackupNotFound("neither a label nor a kind was named", hint="dr list shows the labels.")
    found = find_backup(system, wanted, kind)
    if found.manifest.kind is Kind.POINT:
        raise BackupNotFound(
            f"{found.manifest.label} is a recovery point",
            hint=f"dr points {found.manifest.label} says what belongs to it and how each is brought back.",
        )
    if found.manifest.kind not in COMPONENT_KINDS:
        raise BackupNotFound(
            f"{found.manifest.label} is a backup of the database", hint="Restore it with dr recover-db."
        )
    if kind is not None and found.manifest.kind is not kind:
        raise BackupNotFound(f"{found.manifest.label} is no backup of {BY_KIND[kind].title}")
    return found


def restore_component(system: System, found: Found, directory: Path, wanted: Sequence[str] = ()) -> RestoredComponent:
    """Raises ``TargetRefused`` unless ``directory`` is new or empty. On failure it is as it was."""
    manifest = found.manifest
    component = BY_KIND[manifest.kind].open(system)
    stores = source_stores(system, found)
    existed = prepare(directory)

    def attempt(store: Store) -> RestoredComponent:
        source = StoreSource(store, manifest, cipher, [one for one in stores if one is not store])
        begin = time.monotonic()
        laid = component.restore(source, directory, tuple(wanted))
        end = time.monotonic()
        apart = max(0.0, end - begin - source.seconds.fetch - source.seconds.decompress)
        phases = streamed_phases(begin, end, source.seconds, apart, source.bytes)
        return RestoredComponent(manifest, str(directory), store.name, laid, phases, ())

    try:
        with opened(system.encryption) as cipher:
            restored, notes = from_first_whole_copy(stores, attempt, lambda: empty(directory, remove=False))
    except BaseException:
        empty(directory, remove=not existed)
        raise
    return replace(restored, notes=(*found.notes, *notes))


def put_back_component(system: System, restored: RestoredComponent, wanted: Sequence[str] = ()) -> Laid:
    """Bring a restored copy into service.

    Raises ``TargetRefused`` where that would overwrite something, or is for people to do.
    """
    row = BY_KIND[restored.manifest.kind]
    component = row.open(system)
    if not isinstance(component, PutsBack):
        raise TargetRefused(
            f"{row.title} cannot be put back by this program",
            hint=f"It lies in {restored.directory}; docs/components/{row.kind}.md says how to bring it into service.",
        )
    return component.put_back(restored.manifest, Path(restored.directory), tuple(wanted))


def prepare(directory: Path) -> bool:
    """Make the directory, for our eyes only; whether it was there."""
    if directory.is_symlink() or (directory.exists() and (not directory.is_dir() or any(directory.iterdir()))):
        raise TargetRefused(
            f"{directory} is not an empty directory", hint="Nothing is restored over existing files: give a new one."
        )
    existed = directory.exists()
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    return existed
