"""Unpack one base backup from one store: every archive into its place, each in one stream."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

from dr.catalog.manifest import Manifest, ObjectRecord, Role
from dr.crypto.gnupg import Cipher
from dr.errors import StoreFull
from dr.evidence.phases import Stopwatch
from dr.operations.objects_back import feed, reading, streamed_phases
from dr.pipeline.launch import Account
from dr.pipeline.process import Child, widen
from dr.pipeline.read import ObjectReader
from dr.postgres.account import make_directory
from dr.postgres.data_directory import UNFINISHED, untar, untar_error
from dr.storage.protocol import Store


def unpack_all(
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


def empty(directory: Path, *, remove: bool) -> None:
    """Take back what this run has laid out; a directory that was there before stays, empty as it was.

    What a full recovery says in it goes last, and stays with it: killed in here, it is still known as its own.
    """
    if not directory.exists():
        return
    for entry in directory.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        elif entry.name != UNFINISHED:
            entry.unlink()
    if remove:
        (directory / UNFINISHED).unlink(missing_ok=True)
        directory.rmdir()
