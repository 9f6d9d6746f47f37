"""Does what opens the backups exist outside of this host? The escrowed key alone is tried, in an empty home (I21).

For every key that any backup was made for, one object of each kind is fetched and opened: after a rotation the escrow
must hold the old keys too, for as long as backups live that need them.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from dr.catalog.manifest import EncryptionRecord, Level, ObjectRecord
from dr.catalog.wal_index import StoredSegment
from dr.configuration.model import EncryptionSettings, System
from dr.crypto.gnupg import Cipher, opened, stop_agent
from dr.errors import BackupInvalid, DrError, KeyUnusable, StoreError
from dr.operations.find_backup import Found, source_stores
from dr.operations.repositories import open_repository
from dr.operations.wal.prove_wal import prove_segment
from dr.pipeline.read import ObjectReader
from dr.policy.drill_verdict import Answer, Probe
from dr.secret import Secret
from dr.storage.protocol import Store
from dr.storage.repository import Backup
from dr.storage.wal_catalogue import WalCatalogue

_NAME = "key custody"


@dataclass(frozen=True, slots=True)
class _Sample:
    """Something stored, the stores that have it, and how to open one copy: KeyUnusable when the key is not the one."""

    what: str
    encryption: EncryptionRecord
    stores: tuple[Store, ...]
    open: Callable[[Store, Cipher], None]


def prove_custody(system: System) -> tuple[Probe, ...]:
    """Open a sample of everything with the escrow, and nothing else of this host's."""
    custody = system.custody
    if custody.key_file is None and custody.passphrase_file is None:
        hint = "set custody.key_file (or custody.passphrase_file) to the escrow, brought here for this test"
        return (Probe(_NAME, Answer.UNPROVEN, f"nobody has shown that a key outside of this host opens them: {hint}"),)
    samples = tuple(_samples(system))
    if not samples:
        return (Probe(_NAME, Answer.UNPROVEN, "there is no backup yet that could be opened"),)
    methods = {sample.encryption.method for sample in samples}
    probes: list[Probe] = []
    for method in sorted(methods):
        chosen = [sample for sample in samples if sample.encryption.method == method]
        probes += _with_escrow(system, method, chosen)
    return tuple(probes)


def _with_escrow(system: System, method: str, samples: list[_Sample]) -> Iterator[Probe]:
    file = system.custody.passphrase_file if method == "passphrase" else system.custody.key_file
    setting = "custody.passphrase_file" if method == "passphrase" else "custody.key_file"
    if file is None:
        detail = f"{len(samples)} kinds of objects are encrypted by {method}, and {setting} is not set"
        yield Probe(_NAME, Answer.FAILED, detail, Level.DECRYPTED)
        return
    with tempfile.TemporaryDirectory(prefix="dr-gpg-", ignore_cleanup_errors=True) as home:
        try:
            with opened(_escrow(system, method, Path(home))) as cipher:
                yield from (_open(sample, cipher) for sample in samples)
        except (DrError, OSError) as error:
            said = f"{error.message} {error.detail}".strip() if isinstance(error, DrError) else str(error)
            yield Probe(_NAME, Answer.FAILED, f"the escrow {file} cannot be used: {said}", Level.DECRYPTED)
        finally:
            stop_agent(Path(home))


def _escrow(system: System, method: str, home: Path) -> EncryptionSettings:
    """The escrow as all there is. Raises ``KeyUnusable`` or OSError when a file cannot be read."""
    custody = system.custody
    if method == "passphrase":
        return EncryptionSettings(passphrase=_secret(custody.passphrase_file), gnupg_home=home)
    return EncryptionSettings(secret_key_file=custody.key_file, passphrase=_secret(custody.key_passphrase_file))


def _secret(file: Path | None) -> Secret | None:
    if file is None:
        return None
    text = file.read_text(encoding="utf-8").strip("\r\n")
    if not text:
        raise KeyUnusable(f"{file} is empty", hint="Write the passphrase into it, on one line.")
    return Secret(text)


def _open(sample: _Sample, cipher: Cipher) -> Probe:
    name = f"{_NAME}: {sample.what}"
    problems: list[str] = []
    for store in sample.stores:
        try:
            sample.open(store, cipher)
        except KeyUnusable as error:
            whose = ", ".join(sample.encryption.fingerprints) or "a passphrase"
            detail = f"the escrow does not open the copy in {store.name}, encrypted for {whose}: {error.message}"
            return Probe(name, Answer.FAILED, detail, Level.DECRYPTED)
        except (BackupInvalid, StoreError) as error:
            problems.append(f"{store.name}: {error.message}")
        else:
            return Probe(name, Answer.PASSED, f"the copy in {store.name} opens", Level.DECRYPTED)
    return Probe(name, Answer.UNPROVEN, f"no copy could be tried: {'; '.join(problems)}", Level.DECRYPTED)


def _open_object(item: ObjectRecord, store: Store, cipher: Cipher) -> None:
    """Raises ``KeyUnusable`` where the key is not the right one, ``BackupInvalid`` where the object is damaged."""
    with (
        cipher.decryptor(item.key) as gpg,
        ObjectReader(store, item.key, item.compression, gpg, item, _NAME) as reader,
    ):
        for _ in reader:
            pass
        reader.finish()


def _open_segment(system: str, entry: StoredSegment, store: Store, cipher: Cipher) -> None:
    proof = prove_segment(system, store, entry, cipher)
    if not proof.passed:
        raise BackupInvalid(proof.detail)
    if proof.level != Level.DECRYPTED.name.lower():
        raise KeyUnusable(proof.detail or "its key is not in the escrow")


def _samples(system: System) -> Iterator[_Sample]:
    """For every key that any backup was made for: the smallest object of each role, and the newest piece of WAL."""
    repository = open_repository(system)
    smallest: dict[tuple[object, ...], tuple[ObjectRecord, Backup]] = {}
    for backup in repository.list().backups:
        for item in backup.manifest.objects:
            kind = (backup.manifest.kind, item.role, backup.manifest.encryption)
            if kind not in smallest or item.stored_bytes < smallest[kind][0].stored_bytes:
                smallest[kind] = (item, backup)
    for item, backup in smallest.values():
        manifest = backup.manifest
        stores = source_stores(system, Found(manifest, backup.stores))
        yield _Sample(f"{item.role} of {manifest.label}", manifest.encryption, stores, partial(_open_object, item))
    yield from _of_wal(system.name, repository.stores)


def _of_wal(system: str, stores: Mapping[str, Store]) -> Iterator[_Sample]:
    """The newest closed segment of each store's index, per set of keys."""
    catalogue = WalCatalogue(system, stores.values())
    seen: set[tuple[str, ...]] = set()
    for name, store in stores.items():
        try:
            newest = sorted(catalogue.block_names(name), reverse=True)[:1]
            blocks = [catalogue.read_block(name, *place) for place in newest]
        except (StoreError, BackupInvalid):
            continue  # told by the check of the WAL's chain
        for block in blocks:
            if block is None or not block.segments or block.segments[-1].keys in seen:
                continue
            entry = block.segments[-1]
            seen.add(entry.keys)
            record = EncryptionRecord("public-key" if entry.keys else "passphrase", entry.keys)
            yield _Sample(f"WAL {entry.name}", record, (store,), partial(_open_segment, system, entry))
