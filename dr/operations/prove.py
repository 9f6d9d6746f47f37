"""Read a backup back from every store that took it, and believe only what is read (I12, I20).

Per store: every object is fetched again and hashed; its first bytes must be an OpenPGP message for exactly our keys;
and where the secret is on this host, it is decrypted, decompressed, and what it holds is compared: a dump's table of
contents and row counts, a component's by its own scanner. A copy that fails is not published.

Only damage and a refusal are a verdict about a copy. A store that does not answer is asked again for a while, and what
lies in it is never removed for its silence.

What a backup shares with earlier ones was read when it was written, and a share of it is read every day
(``dr.operations.verify.packs``): of that a new backup only asks whether it is there.
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from functools import partial

from dr.catalog.labels import shared_prefix
from dr.catalog.manifest import Level, Manifest, ObjectRecord, Role, Verification
from dr.catalog.sharing import is_own, own_bytes
from dr.components.registry import BY_KIND
from dr.configuration.model import System
from dr.crypto.gnupg import Cipher, opened
from dr.crypto.packets import ENOUGH, parse_envelope
from dr.errors import BackupInvalid, DrError, KeyUnusable, ObjectMissing, StoreError, StoreUnavailable
from dr.operations.draft import Draft
from dr.operations.repositories import open_repository
from dr.pipeline.read import ObjectReader
from dr.policy.dump_contents import differences, shortened
from dr.postgres.dump_scan import DumpScanner
from dr.progress import reporter
from dr.storage.patience import patiently
from dr.storage.protocol import Store

logger = logging.getLogger(__name__)

STEP = "read back"


def prove(system: System, draft: Draft, *, run: str) -> tuple[Verification, ...]:
    """Prove each store's copy as far as this host can; a failed proof is an entry, not an exception.

    Raises ``StoreUnavailable`` when no copy could be proven and a store did not answer: reading again may prove it.
    """
    manifest = draft.manifest
    repository = open_repository(system)
    watcher = reporter()
    watcher.begin(STEP, own_bytes(manifest) * len(manifest.stores))
    try:
        with opened(system.encryption) as cipher:
            return read_back([repository.store(name) for name in manifest.stores], manifest, cipher, run)
    finally:
        watcher.end(STEP)


def read_back(stores: Iterable[Store], manifest: Manifest, cipher: Cipher, run: str) -> tuple[Verification, ...]:
    """``prove`` with the stores opened: what the backup wrote itself is read from each of them."""
    found = [_prove_or_tell(store, manifest, cipher, run) for store in stores]
    silent = [proof for proof, answered in found if not answered]
    if silent and not any(proof.passed for proof, _ in found):
        raise StoreUnavailable(
            f"no copy of {manifest.label} could be read back: {' and '.join(proof.store for proof in silent)} "
            f"did not answer",
            detail="; ".join(f"store {proof.store}: {proof.detail}" for proof, _ in found),
            hint=f"Nothing was removed: its objects lie unlisted in {' and '.join(manifest.stores)}, and a later run "
            "sweeps them when they are more than a day old. Look at the stores, then run the backup again.",
        )
    return tuple(proof for proof, _ in found)


def _prove_or_tell(store: Store, manifest: Manifest, cipher: Cipher, run: str) -> tuple[Verification, bool]:
    """The proof of one copy, and whether its store answered."""
    begin = time.monotonic()
    try:
        return prove_copy(store, manifest, cipher, run, shared=False), True
    except StoreUnavailable as error:
        return _verification(store, Level.STORED, run, begin, passed=False, detail=_told(error)), False


def prove_copy(store: Store, manifest: Manifest, cipher: Cipher, run: str, *, shared: bool = True) -> Verification:
    """Prove one copy; the level is the lowest that all of its objects reached, or the first that one did not reach.

    With ``shared`` False the objects that earlier backups wrote need only be there, with the size they should have.
    A key that does not open what is stored as it was written proves nothing against the backup: then the level is
    ``checksummed`` and ``detail`` says why it is no higher. Nor does a store that still does not answer after a while:
    then this raises ``StoreUnavailable``.
    """
    begin = time.monotonic()
    level, notes, passed = Level.LISTED, [], True
    sizes: dict[str, int] | None = None
    for item in manifest.objects:
        try:
            if not shared and not is_own(manifest, item):
                sizes = patiently(partial(_shared_sizes, store, manifest)) if sizes is None else sizes
                _require_there(store, item, sizes)
                continue
            reached, note = patiently(partial(prove_object, store, manifest, item, cipher))
        except StoreUnavailable:
            raise
        except (BackupInvalid, StoreError) as error:
            passed, level = False, first_failing(store, item, error)
            notes = [_told(error)]
            break
        level, notes = min(level, reached), [*notes, *([note] if note else [])]
    detail = "; ".join(dict.fromkeys(notes))
    log = logger.info if passed else logger.error
    log("%s in %s: %s%s %s", manifest.label, store.name, "" if passed else "NOT ", level.name.lower(), detail)
    return _verification(store, level, run, begin, passed=passed, detail=detail)


def _verification(store: Store, level: Level, run: str, begin: float, *, passed: bool, detail: str) -> Verification:
    """``begin`` by the monotonic clock."""
    return Verification(
        level=level.name.lower(),
        store=store.name,
        passed=passed,
        at=datetime.now(UTC),
        seconds=round(time.monotonic() - begin, 3),
        run=run,
        detail=detail,
    )


def _told(error: DrError) -> str:
    return f"{error.message} {error.detail}".strip()


def _shared_sizes(store: Store, manifest: Manifest) -> dict[str, int]:
    """One listing instead of a request for each of thousands of objects."""
    return {item.key: item.size for item in store.list(shared_prefix(manifest.system, manifest.kind))}


def _require_there(store: Store, item: ObjectRecord, sizes: Mapping[str, int]) -> None:
    if item.key not in sizes:
        raise ObjectMissing(f"{store.name} does not hold {item.key}", hint="Back up again: what lacks is stored anew.")
    if sizes[item.key] != item.stored_bytes:
        raise BackupInvalid(
            f"{store.name}:{item.key} has {sizes[item.key]} bytes instead of {item.stored_bytes}",
            hint="Back up again: it is taken from another store or stored anew.",
        )


def first_failing(store: Store, item: ObjectRecord, error: DrError) -> Level:
    """The first level that an object does not reach: it is read once more, for the hash decides about the others."""
    if isinstance(error, StoreError):
        return Level.STORED
    try:
        _hash_only(store, item, f"{store.name}:{item.key}")
    except BackupInvalid:
        return Level.CHECKSUMMED
    except StoreError:
        return Level.STORED
    return Level.LISTED if isinstance(error, _ContentsDiffer) else Level.DECRYPTED


class _ContentsDiffer(BackupInvalid):
    """It opens, and holds something else than was dumped."""


def prove_object(store: Store, manifest: Manifest, item: ObjectRecord, cipher: Cipher) -> tuple[Level, str]:
    """The level reached, and why it is not a higher one where that is worth saying."""
    origin = f"{store.name}:{item.key}"
    envelope = parse_envelope(_head(store, item), origin)
    cipher.check_envelope(envelope, origin)
    if not cipher.can_decrypt(envelope):
        _hash_only(store, item, origin)
        return Level.CHECKSUMMED, ""
    try:
        return _decrypt(store, manifest, item, cipher), ""
    except KeyUnusable as error:
        _hash_only(store, item, origin)
        return Level.CHECKSUMMED, f"cannot be opened here: {error.message}"


def _head(store: Store, item: ObjectRecord) -> bytes:
    head = b""
    for chunk in store.read(item.key, ENOUGH):
        head += chunk
        if len(head) >= ENOUGH:
            break
    return head


def _hash_only(store: Store, item: ObjectRecord, origin: str) -> None:
    digest, count = hashlib.sha256(), 0
    for chunk in _watched(store.read(item.key)):
        digest.update(chunk)
        count += len(chunk)
    if count != item.stored_bytes or digest.hexdigest() != item.stored_sha256:
        raise BackupInvalid(
            f"{origin} reads back different from what was written",
            detail=f"{count} bytes, sha256 {digest.hexdigest()}; written {item.stored_bytes}, {item.stored_sha256}",
            hint="Do not trust this store until its disk or endpoint has been looked at.",
        )


def _watched(chunks: Iterator[bytes]) -> Iterator[bytes]:
    watcher = reporter()
    for chunk in chunks:
        watcher.advance(STEP, len(chunk))
        yield chunk


def _decrypt(store: Store, manifest: Manifest, item: ObjectRecord, cipher: Cipher) -> Level:
    scanner = DumpScanner() if item.role is Role.DUMP else None
    looking = BY_KIND[manifest.kind].scanner(manifest, item) if manifest.kind in BY_KIND else None
    with (
        cipher.decryptor(item.key) as decryptor,
        ObjectReader(store, item.key, item.compression, decryptor, item, STEP) as reader,
    ):
        for chunk in reader:
            if scanner is not None:
                scanner.feed(chunk)
            if looking is not None:
                looking.feed(chunk)
        reader.finish()
        if item.plain_bytes is not None and reader.plain_bytes != item.plain_bytes:
            raise BackupInvalid(
                f"{store.name}:{item.key} unpacks to {reader.plain_bytes} bytes, not {item.plain_bytes}"
            )
    if scanner is not None:
        _same_contents(scanner, manifest, f"{store.name}:{item.key}")
    if looking is not None and (wrong := looking.finish()):
        raise _ContentsDiffer(f"{store.name}:{item.key} holds something else than was backed up", wrong)
    return Level.LISTED


def _same_contents(scanner: DumpScanner, manifest: Manifest, origin: str) -> None:
    if not scanner.complete:
        raise _ContentsDiffer(f"{origin} has no end mark: the dump is cut off")
    if manifest.contents is not None and (wrong := differences(manifest.contents, scanner.contents())):
        raise _ContentsDiffer(f"{origin} holds other tables or rows than were dumped", shortened(wrong))
