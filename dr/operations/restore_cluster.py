"""Bring a base backup back into an empty directory, in one stream per archive, ready to be started."""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dr.catalog.manifest import Manifest, ObjectRecord, Role
from dr.configuration.model import System
from dr.crypto.gnupg import Cipher, opened
from dr.errors import StoreFull
from dr.evidence.phases import Phase, Stopwatch, merge
from dr.operations.check_source import bin_directories
from dr.operations.find_backup import Found, source_stores
from dr.operations.objects_back import STEP, feed, from_first_whole_copy, reading, streamed_phases
from dr.pipeline.process import Account, Child, widen
from dr.pipeline.read import ObjectReader
from dr.postgres.account import account_for, make_directory
from dr.postgres.backup_manifest import verify_files
from dr.postgres.data_directory import (
    check_target,
    link_tablespaces,
    request_recovery,
    untar,
    untar_error,
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
    check_target(directory)
    manifest = found.manifest
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
        _empty(directory, remove=not existed)
        _empty(spaces, remove=True)

    def attempt(store: Store) -> RestoredCluster:
        logger.info("restoring %s from %s into %s", manifest.label, store.name, directory)
        make_directory(directory, directory if directory.exists() else parent)
        stopwatch = Stopwatch()
        targets = _unpack_all(store, manifest, cipher, directory, spaces, account, stopwatch)
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


def _unpack_all(
    store: Store,
    manifest: Manifest,
    cipher: Cipher,
    directory: Path,
    spaces: Path,
    account: Account,
    stopwatch: Stopwatch,
) -> dict[int, Path]:
    """Every archive into its place; the new directories of the tablespaces by OID."""
    targets: dict[int, Path] = {}
    for item in manifest.objects:
        if item.role is Role.POSTGRES_MANIFEST:
            _write_manifest(store, item, cipher, directory / "backup_manifest", account)
        elif item.role is Role.ARCHIVE:
            place = directory
            if item.tablespace_oid is not None:
                if not spaces.exists():
                    make_directory(spaces, directory)
                place = spaces / str(item.tablespace_oid)
                make_directory(place, directory)
                targets[item.tablespace_oid] = place
            _unpack(store, item, cipher, place, account, stopwatch)
    return targets


def _unpack(
    store: Store, item: ObjectRecord, cipher: Cipher, place: Path, account: Account, stopwatch: Stopwatch
) -> None:
    begin = time.monotonic()
    with reading(store, item, cipher) as reader, untar(place, item.key, account) as tar:
        widen(tar.stdin)
        waited = _pour(reader, tar, place)
        settle = time.monotonic()
        ended = tar.wait()
        waited += time.monotonic() - settle
        reader.finish()
        if not ended.ok:
            raise untar_error(ended, place)
        end = time.monotonic()
        for phase in streamed_phases(begin, end, reader.seconds, waited, item.stored_bytes):
            stopwatch.add(phase)


def _pour(reader: ObjectReader, tar: Child, place: Path) -> float:
    """All plain bytes into tar; seconds spent waiting for it.

    When tar has given up for want of space there is no use in reading on. Otherwise the rest is read all the same:
    whether the stored object was damaged is known only at its end, and explains more than tar's message.
    """
    waited, taken = 0.0, True
    for chunk in reader:
        if not taken:
            continue
        before = time.monotonic()
        taken = feed(tar.stdin, chunk)
        waited += time.monotonic() - before
        if not taken:
            error = untar_error(tar.wait(), place)
            if isinstance(error, StoreFull):
                raise error
    tar.close_stdin()
    return waited


def _write_manifest(store: Store, item: ObjectRecord, cipher: Cipher, file: Path, account: Account) -> None:
    with reading(store, item, cipher) as reader:
        content = b"".join(reader)
        reader.finish()
    file.write_bytes(content)
    file.chmod(0o600)
    if account.uid is not None and not account.namespace:
        shutil.chown(file, account.uid, account.gid)


def _empty(directory: Path, *, remove: bool) -> None:
    """Take back what this run has laid out; a directory that was there before stays, empty as it was."""
    if not directory.exists():
        return
    for entry in directory.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()
    if remove:
        directory.rmdir()
