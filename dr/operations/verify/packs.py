"""Read shared objects again, a share of them every day: each in each store at least once in so many days.

A pack is read once, however many backups refer to it, and what is found speaks for all of them: a damaged one is a
failed proof of each. The next backup then takes it from another store or stores its content anew. A store that does not
answer says nothing about a pack: what was due is due again on the next day.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

import msgspec

from dr.catalog import labels
from dr.catalog.labels import Kind, Label
from dr.catalog.manifest import Level, Manifest, ObjectRecord, Verification
from dr.catalog.sharing import is_shared
from dr.configuration.model import System
from dr.crypto.gnupg import Cipher, opened
from dr.errors import BackupInvalid, DrError, ObjectArchived, ObjectMissing, StoreError, StoreUnavailable
from dr.operations.prove import first_failing, prove_object
from dr.operations.repositories import open_repository
from dr.operations.verify.wal import Rotation, share_of
from dr.storage.manifests import essentials
from dr.storage.patience import patiently
from dr.storage.proofs import add_proof
from dr.storage.protocol import Store
from dr.storage.repository import Repository


@dataclass(frozen=True, slots=True)
class PackDamage:
    """A pack that is not what was stored, the first level that it does not reach, and the backups that need it."""

    key: str
    level: str
    detail: str
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StorePackProof:
    """One store's share. ``read`` of its ``packs``; ``archived`` were not read.

    ``silent``: why nothing could be read; ``unreadable``: manifests that do not say what they need.
    """

    store: str
    packs: int = 0
    read: int = 0
    archived: int = 0
    stored_bytes: int = 0
    seconds: float = 0.0
    damaged: tuple[PackDamage, ...] = ()
    silent: str = ""
    unreadable: tuple[str, ...] = ()

    @property
    def problems(self) -> tuple[str, ...]:
        """What is wrong, in words."""
        found = [f"the packs in store {self.store} cannot be read: {self.silent}"] if self.silent else []
        found += [
            f"{item.key} in store {self.store}, which {len(item.labels)} backups need: {item.detail}"
            for item in self.damaged
        ]
        return (*found, *(f"damaged manifest: {text}" for text in self.unreadable))


@dataclass(slots=True)
class _Needed:
    """One shared object: by which backups it is needed, and the manifest of one of them, without its objects."""

    record: ObjectRecord
    manifest: Manifest
    labels: list[Label] = field(default_factory=list)


def verify_packs(
    system: System, days: int, now: datetime, *, run: str, kind: Kind = Kind.FILES
) -> tuple[StorePackProof, ...]:
    """Read today's share of every store. Damage and silent stores are told, not raised."""
    if days < 1:
        raise ValueError("every pack is read at least once in so many days: 1 or more")
    repository = open_repository(system)
    with opened(system.encryption) as cipher:
        return tuple(
            verify_store(system.name, store, kind, cipher, days, now, run) for store in repository.stores.values()
        )


def verify_store(
    system: str, store: Store, kind: Kind, cipher: Cipher, days: int, now: datetime, run: str
) -> StorePackProof:
    """Read today's share of one store."""
    begin = time.monotonic()
    damaged: list[PackDamage] = []
    unreadable: list[str] = []
    try:
        rotation = read_rotation(store, system, kind)
        needed = needed_in(Repository(system, [store]).each(store.name, [kind], unreadable, _what_it_shares))
        due = [item for key, item in sorted(needed.items()) if is_due(key, rotation, now.toordinal(), days)]
        archived = _read(system, store, due, cipher, now, run, damaged)
        after = Rotation(now.toordinal(), tuple(item.key for item in damaged))
        store.put_bytes(labels.shared_rotation_key(system, kind), msgspec.json.encode(after))
    except DrError as error:
        seconds = time.monotonic() - begin
        return StorePackProof(store.name, seconds=seconds, damaged=tuple(damaged), silent=error.message)
    return StorePackProof(
        store=store.name,
        packs=len(needed),
        read=len(due) - archived,
        archived=archived,
        stored_bytes=sum(item.record.stored_bytes for item in due),
        seconds=time.monotonic() - begin,
        damaged=tuple(damaged),
        unreadable=tuple(unreadable),
    )


def _what_it_shares(manifest: Manifest) -> tuple[Manifest, tuple[ObjectRecord, ...]]:
    """What is held of a manifest: its shared objects, and what else it says."""
    return essentials(manifest), tuple(item for item in manifest.objects if is_shared(manifest, item))


def needed_in(backups: Iterable[tuple[Manifest, Iterable[ObjectRecord]]]) -> Mapping[str, _Needed]:
    """Every shared object that these backups need, by key."""
    found: dict[str, _Needed] = {}
    for manifest, records in backups:
        label = manifest.parsed_label
        for item in records:
            found.setdefault(item.key, _Needed(item, manifest)).labels.append(label)
    return found


def is_due(key: str, rotation: Rotation, today: int, days: int) -> bool:
    """Whether the day of its share has come since the last run, or it was damaged then. New ones were just proven."""
    if key in rotation.damaged:
        return True
    behind = min(today - rotation.day, days)
    return (today - share_of(key, days)) % days < behind


def read_rotation(store: Store, system: str, kind: Kind) -> Rotation:
    """A store's memory; a new one where there is none, or none that can be read: then everything is due."""
    try:
        return msgspec.json.decode(store.read_bytes(labels.shared_rotation_key(system, kind)), type=Rotation)
    except (ObjectMissing, msgspec.DecodeError, msgspec.ValidationError):
        return Rotation()


def _read(
    system: str,
    store: Store,
    due: list[_Needed],
    cipher: Cipher,
    now: datetime,
    run: str,
    damaged: list[PackDamage],
) -> int:
    """Adds to ``damaged`` what is; how many are archived. Raises ``StoreUnavailable`` when nobody can tell."""
    archived = 0
    for item in due:
        try:
            patiently(partial(prove_object, store, item.manifest, item.record, cipher))
        except ObjectArchived:
            archived += 1
        except StoreUnavailable:
            raise
        except (BackupInvalid, StoreError) as error:
            level = first_failing(store, item.record, error)
            detail = f"{error.message} {error.detail}".strip()
            damaged.append(_told(system, store, item, level, detail, now, run))
    return archived


def _told(system: str, store: Store, item: _Needed, level: Level, detail: str, now: datetime, run: str) -> PackDamage:
    """Enter the failure beside every manifest that needs the pack."""
    word = level.name.lower()
    for label in item.labels:
        add_proof(store, system, label, Verification(word, store.name, False, now, 0.0, run, detail))
    return PackDamage(item.record.key, word, detail, tuple(str(label) for label in item.labels))
