"""Bring a base backup back into an empty directory, in one stream per archive, ready to be started."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dr.configuration.model import System
from dr.crypto.gnupg import opened
from dr.errors import BackupInvalid
from dr.evidence.phases import Phase, Stopwatch, merge
from dr.operations.check_source import bin_directories
from dr.operations.find_backup import Found, source_stores
from dr.operations.objects_back import STEP, from_first_whole_copy
from dr.operations.unpack_cluster import empty, unpack_all
from dr.postgres.account import account_for, make_directory
from dr.postgres.backup_manifest import verify_files
from dr.postgres.data_directory import (
    check_target,
    link_tablespaces,
    request_recovery,
    write_tablespace_map,
)
from dr.postgres.installations import server_for
from dr.progress import reporter
from dr.storage.protocol import Store

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RestoredCluster:
    """A data directory that has been laid out and compared with its manifest, but not started yet."""

    directory: str
    tablespaces: Mapping[int, str]
    store: str
    phases: tuple[Phase, ...]
    notes: tuple[str, ...]


def restore_cluster(system: System, found: Found, directory: Path) -> RestoredCluster:
    """Unpack into ``directory`` (empty or absent). A damaged copy is undone and the next store's is taken.

    Tablespaces go beside it, into ``<directory>_tablespaces/<oid>``.
    """
    check_target(directory, unfinished=True)
    manifest = found.manifest
    if manifest.parent is not None:
        raise BackupInvalid(
            f"{manifest.label} holds only what has changed since {manifest.parent}",
            hint="Name it by its label, from a repository that has all it builds on; or combine them by RESTORE.md.",
        )
    server_for(manifest.server_major, bin_directories(system))
    existed = directory.exists()
    parent = directory.parent
    parent.mkdir(parents=True, exist_ok=True)
    account = account_for(directory) if existed else make_directory(directory, parent)
    spaces = directory.with_name(directory.name + "_tablespaces")
    check_target(spaces)
    watcher = reporter()
    watcher.begin(STEP, manifest.stored_bytes)

    def undo() -> None:
        empty(directory, remove=not existed)
        empty(spaces, remove=True)

    def attempt(store: Store) -> RestoredCluster:
        logger.info("restoring %s from %s into %s", manifest.label, store.name, directory)
        make_directory(directory, directory if directory.exists() else parent)
        stopwatch = Stopwatch()
        targets = unpack_all(store, manifest, cipher, directory, spaces, account, stopwatch)
        with stopwatch.phase("verify files"):
            link_tablespaces(directory, targets)
            verify_files(directory)
            write_tablespace_map(directory, targets)
            request_recovery(directory, account)
        shown = {oid: str(path) for oid, path in targets.items()}
        return RestoredCluster(str(directory), shown, store.name, merge(stopwatch.phases), ())

    try:
        with opened(system.encryption) as cipher:
            restored, notes = from_first_whole_copy(source_stores(system, found), attempt, undo)
    finally:
        watcher.end(STEP)
    return RestoredCluster(restored.directory, restored.tablespaces, restored.store, restored.phases, notes)
