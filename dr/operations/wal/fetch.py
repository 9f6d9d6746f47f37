"""Bring pieces of WAL back: fetched, decrypted, decompressed and compared, several at a time.

A damaged or missing copy is replaced by the next store's. What PostgreSQL gets is what it once wrote: the hash over
the plain segment is the proof. gpg finds the key by itself, so a range over which keys were changed is no special case.
"""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
import threading
import time
from collections.abc import Mapping
from pathlib import Path

from dr.catalog.manifest import Compression
from dr.crypto.gnupg import Cipher
from dr.errors import BackupInvalid, DrError, KeyUnusable, StoreError
from dr.pipeline.launch import Account
from dr.pipeline.read import ObjectReader
from dr.policy.recovery_point import WalCopy, WalPiece
from dr.storage.protocol import Store

logger = logging.getLogger(__name__)

STEP = "fetch WAL"
# One agent serves all gpg processes and keeps keys in 32 KiB of locked memory: more at a time than this may not fit.
_decryptors = threading.BoundedSemaphore(min(8, 2 * (os.cpu_count() or 1)))
_AGENT_TRIES = 5
_AGENT_TROUBLE = (
    "Cannot allocate memory",
    "out of core",
    "Out of secure memory",
    "secmem",
    "Resource temporarily unavailable",
    "can't connect to the agent",
    "can't connect to the gpg-agent",
    "No agent running",
)


class PieceFetcher:
    """Fetches pieces into a directory for the account that runs the server. Use it from any number of threads."""

    def __init__(
        self, stores: Mapping[str, Store], cipher: Cipher, directory: Path, segment_bytes: int, account: Account
    ) -> None:
        self._stores, self._cipher, self._directory = stores, cipher, directory
        self._segment_bytes, self._account = segment_bytes, account
        self.notes: list[str] = []

    def fetch(self, piece: WalPiece) -> Path:
        """The whole segment as a file of its name. Raises the last copy's error when no copy is whole."""
        problems: list[tuple[str, DrError]] = []
        for copy in piece.copies:
            store = self._stores.get(copy.store)
            if store is None:
                continue
            try:
                file = self._fetch(piece, copy, store)
            except (BackupInvalid, StoreError, KeyUnusable) as error:
                logger.warning("WAL %s: the copy in %s could not be used: %s", piece.name, copy.store, error.message)
                problems.append((copy.store, error))
                continue
            self.notes += [
                f"WAL {piece.name}: the copy in {name} could not be used: {e.message}" for name, e in problems
            ]
            return file
        raise _unusable(piece, problems)

    def _fetch(self, piece: WalPiece, copy: WalCopy, store: Store) -> Path:
        for attempt in range(1, _AGENT_TRIES + 1):
            try:
                with _decryptors:
                    return self._read(piece, copy, store)
            except (KeyUnusable, BackupInvalid) as error:
                if attempt == _AGENT_TRIES or not any(words in str(error) for words in _AGENT_TROUBLE):
                    raise _explained(error, copy, store) from error
                logger.info("gpg-agent is busy, trying %s again: %s", piece.name, error.detail)
                time.sleep(0.1 * 2**attempt)
        raise AssertionError("unreachable")

    def _read(self, piece: WalPiece, copy: WalCopy, store: Store) -> Path:
        temporary = self._directory / f".{piece.name}.{threading.get_ident()}"
        digest, size = hashlib.sha256(), 0
        try:
            with (
                temporary.open("wb") as file,
                self._cipher.decryptor(copy.key) as decryptor,
                ObjectReader(store, copy.key, Compression.ZSTD, decryptor, step=STEP) as reader,
            ):
                for chunk in reader:
                    digest.update(chunk)
                    size += len(chunk)
                    if size > self._segment_bytes:
                        break
                    file.write(chunk)
                else:
                    reader.finish()
                self._compare(piece, copy, store, size, digest.hexdigest())
                file.truncate(self._segment_bytes)
            temporary.chmod(0o600)
            if self._account.uid is not None and not self._account.namespace:
                shutil.chown(temporary, self._account.uid, self._account.gid)
            return temporary.rename(self._directory / piece.name)
        finally:
            temporary.unlink(missing_ok=True)

    def _compare(self, piece: WalPiece, copy: WalCopy, store: Store, size: int, sha256: str) -> None:
        wanted = (self._segment_bytes,) if piece.valid_bytes is None else (piece.valid_bytes, self._segment_bytes)
        if size in wanted and sha256 == piece.plain_sha256:
            return
        raise BackupInvalid(
            f"{copy.key} in store {store.name} is not {piece.name}",
            detail=f"{size} bytes with sha256 {sha256}, the index says {wanted[0]} bytes, {piece.plain_sha256}",
            hint="Somebody has exchanged or overwritten it; another store's copy may be right.",
        )


def _explained(error: DrError, copy: WalCopy, store: Store) -> DrError:
    """What gpg makes of a damaged object can look like a wrong key: the stored hash tells them apart."""
    digest, size = hashlib.sha256(), 0
    for chunk in store.read(copy.key):
        digest.update(chunk)
        size += len(chunk)
    if digest.hexdigest() == copy.stored_sha256:
        return error
    return BackupInvalid(
        f"{copy.key} in store {store.name} is damaged: its sha256 is not the one in the index",
        detail=f"{size} bytes, {digest.hexdigest()} instead of {copy.stored_bytes}, {copy.stored_sha256}; "
        f"{error.message}",
        hint="Another store's copy may be whole; without one, recovery ends before this segment.",
    )


def _unusable(piece: WalPiece, problems: list[tuple[str, DrError]]) -> DrError:
    if problems and all(isinstance(error, KeyUnusable) for _, error in problems):
        return problems[-1][1]
    return BackupInvalid(
        f"WAL segment {piece.name} cannot be recovered: no store has a whole copy of it",
        detail="; ".join(f"{name}: {error.message}" for name, error in problems)
        or "no store that has it is configured",
        hint="Recover to a point before it (dr window), or bring the segment back into a store from elsewhere.",
    )
