"""What changed in the configuration from one backup to another, with secrets hidden."""

from __future__ import annotations

from pathlib import Path

from dr.catalog.labels import Kind
from dr.components.config.diff import ConfigDiff, compare
from dr.components.config.snapshot import Snapshot, from_directory, from_source
from dr.configuration.model import System
from dr.crypto.gnupg import Cipher, opened
from dr.operations.component.restore import find_component
from dr.operations.component.source import StoreSource
from dr.operations.find_backup import source_stores
from dr.operations.objects_back import from_first_whole_copy


def diff_backups(system: System, label_a: str, label_b: str) -> ConfigDiff:
    """From the backup ``label_a`` to ``label_b``; either may be ``latest``. Both are decrypted, nothing is written.

    Raises ``BackupNotFound``, ``KeyUnusable``, ``BackupInvalid`` or StoreError when no whole copy can be read.
    """
    with opened(system.encryption) as cipher:
        before, after = (_open(system, label, cipher) for label in (label_a, label_b))
    return compare(before[1], after[1], (before[0], after[0]))


def diff_directories(directory_a: Path, directory_b: Path) -> ConfigDiff:
    """The same of two copies that were restored whole. Raises ``BackupInvalid``."""
    names = (str(directory_a), str(directory_b))
    return compare(from_directory(directory_a), from_directory(directory_b), names)


def _open(system: System, label: str, cipher: Cipher) -> tuple[str, Snapshot]:
    found = find_component(system, label, Kind.CONFIG)
    snapshot, _ = from_first_whole_copy(
        source_stores(system, found),
        lambda store: from_source(StoreSource(store, found.manifest, cipher)),
        lambda: None,
    )
    return found.manifest.label, snapshot
