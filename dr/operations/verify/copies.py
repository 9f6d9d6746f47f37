"""Read stored backups again: which copies are due, and what each proof says. The result is kept beside the manifest.

A copy in an archive class is not read (I30): it is named, with the age of its last proof, and is nobody's failure.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from dr.catalog.labels import Label
from dr.catalog.manifest import Level
from dr.catalog.sharing import is_own, own_bytes
from dr.configuration.model import System
from dr.crypto.gnupg import Cipher, opened
from dr.errors import BackupNotFound, ObjectArchived, StoreError
from dr.operations.prove import STEP, prove_copy
from dr.operations.repositories import open_repository
from dr.policy.rotation import Chosen, Copy, Reason, choose_copies
from dr.progress import reporter
from dr.storage.proofs import add_proof
from dr.storage.protocol import Store
from dr.storage.repository import Backup, Repository

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Survey:
    """What there is to read: the chosen copies of all ``copies``; ``problems`` are manifests and stores that say
    nothing. ``stored_bytes`` is that of the chosen.
    """

    system: str
    chosen: tuple[Chosen, ...]
    copies: int
    problems: tuple[str, ...]

    @property
    def stored_bytes(self) -> int:
        return sum(item.copy.stored_bytes for item in self.chosen)


@dataclass(frozen=True, slots=True)
class CopyProof:
    """One copy after it was read. ``outcome`` is ``passed``, ``FAILED``, ``archived`` (not read) or ``gone``
    (it expired meanwhile); ``level`` the highest reached, of a failed one the first not reached.
    """

    label: str
    store: str
    reason: str
    outcome: str
    level: str
    seconds: float
    stored_bytes: int
    detail: str = ""

    @property
    def failed(self) -> bool:
        return self.outcome == "FAILED"


def survey(system: System, days: int, now: datetime) -> Survey:
    """Choose among all copies of all stores. Raises the first StoreError when no store answers."""
    listing = open_repository(system).list()
    if listing.failures and len(listing.failures) == len(system.stores):
        raise next(iter(listing.failures.values()))
    problems = [f"store {name} does not answer: {error.message}" for name, error in listing.failures.items()]
    problems += [f"damaged manifest: {text}" for text in listing.unreadable]
    copies = [copy for backup in listing.backups for copy in copies_of(backup)]
    return Survey(system.name, choose_copies(copies, now, days), len(copies), tuple(problems))


def copies_of(backup: Backup) -> Iterable[Copy]:
    """Each store's copy, and when it was last read whole."""
    manifest = backup.manifest
    for store in backup.stores:
        proofs = sorted((item for item in manifest.verifications if item.store == store), key=lambda item: item.at)
        last = proofs[-1] if proofs else None
        yield Copy(
            name=manifest.label,
            store=store,
            stored_bytes=own_bytes(manifest),
            read_at=last.at if last else None,
            fresh=all(item.run == manifest.run for item in proofs),
            failed=last is not None and not last.passed,
        )


def all_copies(system: System, text: str, stores: Iterable[str] = ()) -> tuple[Chosen, ...]:
    """The copies of one backup that somebody asks for by label or path, in these stores or in all."""
    try:
        label = Label.from_path(text)
    except ValueError:
        raise BackupNotFound(f"{text!r} is not a label", hint="dr list shows the labels.") from None
    wanted = set(stores)
    found = [item for item in copies_of(open_repository(system).find(label)) if not wanted or item.store in wanted]
    if not found:
        raise BackupNotFound(
            f"no copy of {label} is in {', '.join(sorted(wanted))}", hint=f"dr show {label} names the stores."
        )
    return tuple(Chosen(item, Reason.ASKED) for item in found)


def verify_copies(system: System, chosen: Iterable[Chosen], *, run: str) -> tuple[CopyProof, ...]:
    """Read the chosen copies whole and keep each proof in the store it speaks of. Damage is told, not raised."""
    todo = tuple(chosen)
    repository = open_repository(system)
    watcher = reporter()
    watcher.begin(STEP, sum(item.copy.stored_bytes for item in todo))
    try:
        with opened(system.encryption) as cipher:
            return tuple(verify_copy(repository, item, cipher, run) for item in todo)
    finally:
        watcher.end(STEP)


def verify_copy(repository: Repository, item: Chosen, cipher: Cipher, run: str) -> CopyProof:
    """One of them. Only a verdict about the copy is kept: a store that does not answer fails the run alone."""
    label, store = Label.parse(item.copy.name), repository.store(item.copy.store)
    try:
        # What was chosen may have expired since; and only this store's own manifest speaks of its copy.
        manifest = Repository(repository.system, [store]).find(label).manifest
    except BackupNotFound:
        return _told(item, "gone", "", 0.0, "it expired meanwhile")
    except StoreError as error:
        return _told(item, "FAILED", Level.STORED.name.lower(), 0.0, error.message)
    # What it shares is read by a rotation of its own; who asks for one backup, or doubts it, wants all of it read.
    whole = item.reason in (Reason.ASKED, Reason.FAILED)
    try:
        for part in manifest.objects:
            if whole or is_own(manifest, part):
                _require_readable(store, part.key)
    except ObjectArchived as error:
        return _told(item, "archived", "", 0.0, error.message)
    try:
        proof = prove_copy(store, manifest, cipher, run, shared=whole)
    except StoreError as error:
        return _told(item, "FAILED", Level.STORED.name.lower(), 0.0, error.message)
    detail = proof.detail
    try:
        add_proof(store, repository.system, label, proof)
    except StoreError as error:
        detail = f"{detail}; the proof could not be kept: {error.message}".removeprefix("; ")
    return _told(item, "passed" if proof.passed else "FAILED", proof.level, proof.seconds, detail)


def _require_readable(store: Store, key: str) -> None:
    """Raise ``ObjectArchived`` without reading; whatever else is wrong the proof finds out."""
    try:
        next(iter(store.read(key, 1)), b"")
    except ObjectArchived:
        raise
    except StoreError:
        return


def _told(item: Chosen, outcome: str, level: str, seconds: float, detail: str) -> CopyProof:
    copy = item.copy
    return CopyProof(copy.name, copy.store, str(item.reason), outcome, level, seconds, copy.stored_bytes, detail)
