"""What a backup of uploads holds, from the first store whose index is whole."""

from __future__ import annotations

from dataclasses import dataclass

from dr.catalog.file_index import FileEntry
from dr.catalog.labels import Kind
from dr.components.files.listing import list_files
from dr.configuration.model import System
from dr.crypto.gnupg import opened
from dr.operations.component.restore import find_component
from dr.operations.component.source import StoreSource
from dr.operations.find_backup import source_stores
from dr.operations.objects_back import from_first_whole_copy


@dataclass(frozen=True, slots=True)
class ListedFiles:
    """The paths of one backup, in the order of the index."""

    label: str
    entries: tuple[FileEntry, ...]


def listed_files(system: System, label: str, kind: Kind, prefix: str = "") -> ListedFiles:
    """Every path that begins with ``prefix``. Read to its end before anything is shown: a damaged index is no list."""
    found = find_component(system, label, kind)
    with opened(system.encryption) as cipher:
        entries, _ = from_first_whole_copy(
            source_stores(system, found),
            lambda store: tuple(list_files(StoreSource(store, found.manifest, cipher), prefix)),
            lambda: None,
        )
    return ListedFiles(found.manifest.label, entries)
