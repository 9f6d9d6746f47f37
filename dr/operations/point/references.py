"""Which of the files that rows name are in the files' backup: asked for, not assumed."""

from __future__ import annotations

from dr.catalog.manifest import Manifest
from dr.catalog.points import References
from dr.components.files.listing import list_files
from dr.components.files.snapshot_paths import listed_missing, noted_missing
from dr.configuration.model import System
from dr.crypto.gnupg import opened
from dr.errors import BackupInvalid, KeyUnusable, StoreError
from dr.operations.component.source import StoreSource
from dr.operations.find_backup import Found, source_stores
from dr.operations.objects_back import from_first_whole_copy
from dr.operations.point.mark import Marked
from dr.storage.protocol import Store
from dr.storage.repository import Backup


def measure_references(system: System, marked: Marked, files: Backup | None) -> tuple[References, tuple[str, ...]]:
    """The figures, and the paths that are missing."""
    if marked.paths is None:
        return References(reason=marked.not_measured, wanted=marked.wanted), ()
    if files is None or files.manifest.component is None:
        return References(len(marked.paths), reason="there is no backup of the uploads", wanted=True), ()
    manifest, items = files.manifest, files.manifest.component.items
    missing = noted_missing(system.state_directory / "files" / system.name, manifest.label, items, marked.paths)
    if missing is None:
        try:
            missing = _from_index(system, manifest, files.stores, marked.paths)
        except (BackupInvalid, KeyUnusable, StoreError) as error:
            why = f"what the uploads' backup holds is not known: {error.message}"
            return References(len(marked.paths), reason=why, wanted=True), ()
    return References(len(marked.paths), len(missing), wanted=True), missing


def _from_index(system: System, manifest: Manifest, stores: tuple[str, ...], paths: tuple[str, ...]) -> tuple[str, ...]:
    items = manifest.component.items if manifest.component else ()

    def attempt(store: Store) -> tuple[str, ...]:
        return listed_missing(items, list_files(StoreSource(store, manifest, cipher)), paths)

    with opened(system.encryption) as cipher:
        missing, _ = from_first_whole_copy(source_stores(system, Found(manifest, stores)), attempt, lambda: None)
    return missing
