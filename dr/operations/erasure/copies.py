"""The ledger's copies in the stores: one encrypted object per entry, so that it survives this host."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass, field

import zstandard

from dr.catalog.erasures import ErasureEntry, entry_line, erasure_key, erasure_prefix, id_of_key, read_entry
from dr.crypto.gnupg import Cipher
from dr.errors import BackupInvalid, StoreError
from dr.operations.wal.ship_segment import seal_bytes
from dr.operations.wal.ship_segment import store as store_sealed
from dr.storage.protocol import Store

logger = logging.getLogger(__name__)

_LARGEST = 1 << 20


@dataclass(slots=True)
class StoredLedger:
    """Which store has which entries, by id, and the stores that did not answer."""

    ids: dict[str, frozenset[str]] = field(default_factory=dict)
    silent: dict[str, StoreError] = field(default_factory=dict)

    @property
    def all(self) -> frozenset[str]:
        return frozenset().union(*self.ids.values())


def list_copies(system: str, stores: Iterable[Store]) -> StoredLedger:
    """What each store has, by name only: nothing is opened."""
    found = StoredLedger()
    for store in stores:
        try:
            ids = (id_of_key(system, item.key) for item in store.list(erasure_prefix(system)))
            found.ids[store.name] = frozenset(item for item in ids if item is not None)
        except StoreError as error:
            found.silent[store.name] = error
    return found


def fetch(
    system: str, ids: Iterable[str], stores: Iterable[Store], found: StoredLedger, cipher: Cipher
) -> tuple[ErasureEntry, ...]:
    """The entries themselves, each from the first store whose copy opens. Raises what the last one said."""
    here = list(stores)
    return tuple(
        _fetch_one(system, item, [s for s in here if item in found.ids.get(s.name, ())], cipher) for item in ids
    )


def _fetch_one(system: str, entry_id: str, stores: list[Store], cipher: Cipher) -> ErasureEntry:
    key = erasure_key(system, entry_id)
    last: BackupInvalid | StoreError | None = None
    for store in stores:
        try:
            return read_entry(_opened(store.read_bytes(key), key, cipher), f"{key} in store {store.name}")
        except (BackupInvalid, StoreError) as error:
            logger.warning("an erasure in store %s cannot be used: %s", store.name, error.message)
            last = error
    raise last or BackupInvalid(f"no store has {key} any more", hint="Run it again.")


def _opened(data: bytes, key: str, cipher: Cipher) -> bytes:
    with cipher.decryptor(key) as gpg:
        with closing(gpg.stdin) as stdin:  # less than a pipe takes at once
            stdin.write(data)
        plain = gpg.stdout.read()
        ended = gpg.wait(60)
    if not ended.ok:
        raise BackupInvalid(f"{key} cannot be decrypted", str(ended), "Use the key that it was encrypted for.")
    try:
        return zstandard.ZstdDecompressor().decompress(plain, max_output_size=_LARGEST)
    except zstandard.ZstdError as error:
        raise BackupInvalid(f"{key} is damaged", str(error), "Use another store's copy.") from error


def put(system: str, entries: Iterable[ErasureEntry], store: Store, cipher: Cipher) -> None:
    """Store entries, encrypted as every backup is, and read back. Raises ``StoreError``."""
    for entry in entries:
        key = erasure_key(system, entry.id)
        store_sealed(store, key, seal_bytes((entry_line(entry),), cipher, key))
