"""Writing and reading one object through real gpg processes and real directories."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from dr.catalog.manifest import Compression, ObjectRecord, Role
from dr.crypto.gnupg import Cipher
from dr.pipeline.process import Child
from dr.pipeline.read import ObjectReader
from dr.pipeline.write import ObjectPipeline, Written
from dr.storage.faults import FaultyStore
from dr.storage.keys import PARTIAL_PREFIX
from dr.storage.local import LocalStore
from dr.storage.protocol import Store

KEY = "coreflow360/database/backup_20240101_020000.sql.gz.gpg"


def stores(path: Path, *names: str) -> dict[str, FaultyStore]:
    """Directories in which faults can be armed."""
    return {name: FaultyStore(LocalStore(name, path / name)) for name in names or ("local",)}


@contextmanager
def pipeline(
    cipher: Cipher, places: Mapping[str, Store], compression: Compression = Compression.GZIP, *, packed: bool = False
) -> Iterator[tuple[ObjectPipeline, Child]]:
    """A pipeline for one object and the gpg process in it."""
    with (
        cipher.encryptor(KEY) as encryptor,
        ObjectPipeline(KEY, Role.DUMP, compression, encryptor, places, packed_already=packed) as opened,
    ):
        yield opened, encryptor


def write(
    cipher: Cipher, places: Mapping[str, Store], data: bytes, compression: Compression = Compression.GZIP
) -> Written:
    """One object, whole."""
    with pipeline(cipher, places, compression) as (opened, _):
        for at in range(0, len(data), 1 << 20):
            opened.write(data[at : at + (1 << 20)])
        return opened.finish()


def read(
    cipher: Cipher, store: Store, compression: Compression = Compression.GZIP, expected: ObjectRecord | None = None
) -> bytes:
    """One object's plain bytes, after everything about it was checked."""
    with cipher.decryptor(KEY) as decryptor, ObjectReader(store, KEY, compression, decryptor, expected) as reader:
        plain = b"".join(reader)
        reader.finish()
        return plain


def everything_in(path: Path) -> list[str]:
    """Every file below, unfinished writes included."""
    return sorted(str(file.relative_to(path)) for file in path.rglob("*") if file.is_file())


def unfinished_in(path: Path) -> list[Path]:
    """Temporary names of writes in progress."""
    return list(path.rglob(f"{PARTIAL_PREFIX}*"))


def threads() -> set[threading.Thread]:
    """Those that run now."""
    return set(threading.enumerate())
