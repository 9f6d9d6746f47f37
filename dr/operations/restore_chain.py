"""Bring an incremental base backup back: unpack it and all that it needs beside the target, and combine them there."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from dr.catalog.manifest import Manifest, Role
from dr.configuration.model import System
from dr.crypto.gnupg import Cipher, opened
from dr.errors import BackupInvalid, StoreFull
from dr.evidence.phases import Stopwatch, merge
from dr.operations.check_source import bin_directories
from dr.operations.objects_back import STEP, from_first_whole_copy, reading
from dr.operations.restore_cluster import RestoredCluster
from dr.operations.unpack_cluster import empty, unpack_all
from dr.pipeline.launch import Account
from dr.postgres.account import account_for, make_directory
from dr.postgres.backup_manifest import ListedFile, read_manifest, verify_files
from dr.postgres.combine_backup import can_link, combine, combined_bytes
from dr.postgres.data_directory import (
    check_target,
    link_tablespaces,
    made_within,
    request_recovery,
    write_tablespace_map,
)
from dr.postgres.installations import server_for
from dr.progress import reporter
from dr.storage.protocol import Store

logger = logging.getLogger(__name__)

StoresOf = Callable[[Manifest], tuple[Store, ...]]
_SPARE = 1.02
"""Files take whole blocks, and directories something too."""
_WAL_SPARE_BYTES = 3 * (16 << 20)


@dataclass(frozen=True, slots=True)
class _Link:
    """One backup of the chain as unpacked, its tablespaces by OID, and the store it came from."""

    directory: Path
    tablespaces: dict[int, Path]
    store: str
    notes: tuple[str, ...]


def restore_chain(system: System, chain: tuple[Manifest, ...], stores_of: StoresOf, directory: Path) -> RestoredCluster:
    """Unpack the chain, oldest first, and combine it into ``directory`` (empty or absent), ready to be started.

    The parts lie in ``<directory>_chain`` meanwhile, tablespaces go into ``<directory>_tablespaces/<oid>``. A damaged
    copy of a part is undone and the next store's is taken. Raises ``StoreFull`` before anything is unpacked when the
    space cannot suffice.
    """
    _require_chain(chain)
    spaces = directory.with_name(directory.name + "_tablespaces")
    staging = directory.with_name(directory.name + "_chain")
    check_target(directory, unfinished=True)
    for place in (spaces, staging):
        check_target(place)
    installation = server_for(chain[-1].server_major, bin_directories(system))
    existed = directory.exists()
    directory.parent.mkdir(parents=True, exist_ok=True)
    account = account_for(directory) if existed else make_directory(directory, directory.parent)
    stopwatch, watcher = Stopwatch(), reporter()
    watcher.begin(STEP, sum(link.stored_bytes for link in chain))
    try:
        with opened(system.encryption) as cipher, _emptied(staging, directory):
            listed = [_read_listing(link, stores_of(link), cipher) for link in chain]
            _require_space(listed, chain[-1], staging, directory, linked=can_link(installation, staging, directory))
            links = [_unpack(link, stores_of(link), cipher, staging, account, stopwatch) for link in chain]
            targets = {oid: spaces / str(oid) for oid in links[-1].tablespaces}
            if targets:
                make_directory(spaces, directory)
            moves = {path: targets[oid] for oid, path in links[-1].tablespaces.items()}
            with stopwatch.phase("combine"), made_within(directory) as inner:
                combine(installation, [link.directory for link in links], inner, moves, account)
            with stopwatch.phase("verify files"):
                verify_files(directory)
                write_tablespace_map(directory, targets)
                request_recovery(directory, account)
    except BaseException:
        empty(directory, remove=not existed)
        empty(spaces, remove=True)
        raise
    finally:
        watcher.end(STEP)
    return RestoredCluster(
        directory=str(directory),
        tablespaces={oid: str(path) for oid, path in targets.items()},
        store=" and ".join(dict.fromkeys(link.store for link in links)),
        phases=merge(stopwatch.phases),
        notes=tuple(note for link in links for note in link.notes),
    )


def _require_chain(chain: tuple[Manifest, ...]) -> None:
    """A full one first, then each on the one before it. Raises ``BackupInvalid``."""
    if not chain or chain[0].parent is not None:
        raise BackupInvalid(f"{chain[0].label if chain else 'an empty chain'} is no full base backup to begin with")
    for parent, child in pairwise(chain):
        if child.parent != parent.label:
            raise BackupInvalid(f"{child.label} needs {child.parent}, and was given {parent.label}")


@contextmanager
def _emptied(staging: Path, owner_of: Path) -> Iterator[None]:
    """A directory for the parts, gone afterwards whatever happens."""
    make_directory(staging, owner_of)
    try:
        yield
    finally:
        shutil.rmtree(staging)


def _read_listing(link: Manifest, stores: tuple[Store, ...], cipher: Cipher) -> tuple[ListedFile, ...]:
    """What files a part holds and how large they are, from PostgreSQL's manifest of it."""
    item = link.object_of(Role.POSTGRES_MANIFEST)
    if item is None:
        raise BackupInvalid(f"{link.label} has no manifest of PostgreSQL's", hint="Use an older backup.")

    def attempt(store: Store) -> tuple[ListedFile, ...]:
        with reading(store, item, cipher) as reader:
            content = b"".join(reader)
            reader.finish()
        return read_manifest(content)

    return from_first_whole_copy(stores, attempt, lambda: None)[0]


def _require_space(
    listed: list[tuple[ListedFile, ...]], newest: Manifest, staging: Path, directory: Path, *, linked: bool
) -> None:
    """Refuse before the first byte what would end in a full disk after an hour."""
    parts = sum(item.size for link in listed for item in link)
    wal = (newest.end_lsn - newest.begin_lsn if newest.end_lsn and newest.begin_lsn else 0) + _WAL_SPARE_BYTES
    result = combined_bytes(listed, linked=linked) + wal
    parts += wal * len(listed)
    wanted = {staging: parts, directory: result}
    if staging.stat().st_dev == directory.stat().st_dev:
        wanted = {directory: parts + result}
    for place, size in wanted.items():
        free, size = shutil.disk_usage(place).free, int(size * _SPARE)
        if free < size:
            raise StoreFull(
                f"combining {newest.label} needs {size / 1e9:.2f} GB in {place.parent}, and {free / 1e9:.2f} are free",
                detail=f"{len(listed)} base backups are unpacked side by side, {parts / 1e9:.2f} GB, and become one",
                hint="Free space, restore elsewhere (--to), or take a full backup, which needs its own size only.",
            )


def _unpack(
    link: Manifest,
    stores: tuple[Store, ...],
    cipher: Cipher,
    staging: Path,
    account: Account,
    stopwatch: Stopwatch,
) -> _Link:
    """One part from the first store whose copy is whole."""
    place, spaces = staging / link.label, staging / f"{link.label}_tablespaces"

    def undo() -> None:
        empty(place, remove=True)
        empty(spaces, remove=True)

    def attempt(store: Store) -> tuple[dict[int, Path], str]:
        logger.info("unpacking %s from %s into %s", link.label, store.name, place)
        make_directory(place, staging)
        targets = unpack_all(store, link, cipher, place, spaces, account, stopwatch)
        link_tablespaces(place, targets)
        return targets, store.name

    (targets, store), notes = from_first_whole_copy(stores, attempt, undo)
    return _Link(place, targets, store, tuple(f"{link.label}: {note}" for note in notes))
