"""The repository of one system: any number of stores that hold the same tree, and the manifests that say what is where.

There is no catalogue database: what a store lists is the truth, and each store alone is enough to restore from.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, MutableSequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

import msgspec

from dr.catalog import labels
from dr.catalog.labels import Kind, Label
from dr.catalog.manifest import Manifest, to_json
from dr.errors import BackupInvalid, BackupNotFound, IdentityMismatch, ObjectMissing, StoreError
from dr.storage.manifests import Backup, backup_of, each_manifest, manifest_keys, read_manifest, whole
from dr.storage.newest_first import BackupNames, newest_first
from dr.storage.protocol import ConditionalWritesMissing, Store

__all__ = ["Backup", "Listing", "Repository", "SystemRecord"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class SystemRecord:
    """``system.json``: which cluster this repository belongs to."""

    system: str
    system_identifier: str
    created: datetime
    format_version: int = 1


# Made before there are threads: of two that meet a type for the first time, one sees it half built and dies (SIGSEGV).
_decoder = msgspec.json.Decoder(SystemRecord)


@dataclass(frozen=True, slots=True)
class Listing:
    """All backups, newest first; manifests that cannot be read; stores that could not be asked."""

    backups: tuple[Backup, ...]
    unreadable: tuple[str, ...]
    failures: Mapping[str, StoreError]

    def newest(self, kind: Kind) -> Backup | None:
        return next((item for item in self.backups if item.manifest.kind is kind), None)


class Repository:
    """The stores of one system. Holds no state of its own."""

    def __init__(self, system: str, stores: Iterable[Store]) -> None:
        self.system = system
        self.stores: Mapping[str, Store] = {store.name: store for store in stores}

    def store(self, name: str) -> Store:
        return self.stores[name]

    def list(self, kinds: Iterable[Kind] = tuple(Kind), keep: Callable[[Manifest], Manifest] = whole) -> Listing:
        """Read every manifest of every store. A store that does not answer is named, not hidden.

        ``keep`` is applied to each as it is read: ``essentials`` for who does not need the objects of all.
        """
        found: dict[str, list[tuple[str, Manifest]]] = {}
        unreadable: list[str] = []
        failures: dict[str, StoreError] = {}
        kinds = tuple(kinds)
        for name in self.stores:
            try:
                # All of a store or nothing: half of what it has would look like the whole.
                for item in tuple(self.each(name, kinds, unreadable, keep)):
                    found.setdefault(item.label, []).append((name, item))
            except StoreError as error:
                failures[name] = error
        backups = sorted(map(backup_of, found.values()), key=lambda item: item.label, reverse=True)
        return Listing(tuple(backups), tuple(unreadable), failures)

    def each(
        self, store_name: str, kinds: Iterable[Kind], unreadable: MutableSequence[str], keep: Callable[[Manifest], T]
    ) -> Iterator[T]:
        """What ``keep`` takes from every manifest in one store, newest of each kind first; see ``each_manifest``."""
        store = self.stores[store_name]
        for kind in kinds:
            keys = sorted(manifest_keys(store, [labels.kind_prefix(self.system, kind)]), reverse=True)
            yield from each_manifest(store, keys, unreadable, keep)

    def newest_first(
        self,
        kinds: Iterable[Kind] = (Kind.BASE,),
        before: datetime | None = None,
        unreadable: MutableSequence[str] | None = None,
    ) -> Iterator[Backup]:
        """Backups from the newest back, each manifest read when it is asked for: a planner wants few of thousands.

        ``before`` leaves out those labelled later. A manifest that cannot be read, and (at the end) a store that does
        not answer, are passed over and named in ``unreadable``; the first StoreError is raised when none answers.
        A label from a month after this one (a clock was wrong) comes last.
        """
        return newest_first(self.system, self.stores, kinds, before, [] if unreadable is None else unreadable)

    def names(self) -> BackupNames:
        """The names of the backups, without reading any manifest."""
        return BackupNames(self.system, self.stores)

    def find(self, label: Label) -> Backup:
        """One backup by its label, without listing. Raises ``BackupNotFound`` with what there is instead."""
        copies: list[tuple[str, Manifest]] = []
        failures: dict[str, StoreError] = {}
        key = labels.manifest_key(self.system, label)
        for name, store in self.stores.items():
            try:
                copies.append((name, read_manifest(store, key)))
            except ObjectMissing:
                continue
            except StoreError as error:
                failures[name] = error
        if copies:
            return backup_of(copies)
        if failures and len(failures) == len(self.stores):
            raise next(iter(failures.values()))
        raise BackupNotFound(
            f"no store of {self.system} has a backup {label}",
            detail="; ".join(f"{name} could not be asked: {error.message}" for name, error in failures.items()),
            hint="dr list shows what there is.",
        )

    def publish(self, manifest: Manifest) -> tuple[Mapping[str, StoreError], tuple[str, ...]]:
        """Write the manifest to each store that holds the backup: from this moment the backup exists there."""
        data = to_json(manifest)
        failures: dict[str, StoreError] = {}
        written = []
        for name in manifest.stores:
            try:
                self.stores[name].put_bytes(labels.manifest_key(self.system, manifest.parsed_label), data)
                written.append(name)
            except StoreError as error:
                failures[name] = error
        return failures, tuple(written)

    def delete(self, label: Label, store_name: str) -> int:
        """Remove one store's copy, manifest first, so that a half-deleted backup is never listed. Objects removed."""
        store = self.stores[store_name]
        store.delete(labels.manifest_key(self.system, label))
        count = 1
        for listed in list(store.list(labels.object_prefix(self.system, label))):
            store.delete(listed.key)
            count += 1
        return count

    def unfinished(
        self, store_name: str, before: datetime, kinds: Iterable[Kind] = tuple(Kind)
    ) -> dict[Label, tuple[str, ...]]:
        """Objects of backups made before then that have no manifest: left by a run that was killed."""
        store = self.stores[store_name]
        keys: dict[Label, list[str]] = {}
        complete: set[Label] = set()
        for kind in kinds:
            for listed in store.list(labels.kind_prefix(self.system, kind)):
                try:
                    label = Label.from_path(listed.key)
                except ValueError:
                    continue
                keys.setdefault(label, []).append(listed.key)
                if listed.key.endswith(labels.MANIFEST_SUFFIX):
                    complete.add(label)
        return {
            label: tuple(found) for label, found in keys.items() if label not in complete and label.created < before
        }

    def identify(self, store: Store) -> SystemRecord | None:
        """Which cluster a store says it belongs to; None when it is new."""
        try:
            data = store.read_bytes(labels.system_record_key(self.system))
        except ObjectMissing:
            return None
        try:
            return _decoder.decode(data)
        except (msgspec.DecodeError, msgspec.ValidationError) as error:
            raise BackupInvalid(
                f"{store.name}:{labels.system_record_key(self.system)} is damaged",
                detail=str(error),
                hint="Compare it with the same object in another store, and put the right one back.",
            ) from error

    def claim(self, system_identifier: str, now: datetime, names: Iterable[str]) -> dict[str, StoreError]:
        """Make sure that each of these stores belongs to this cluster; new ones are claimed, a second refused (I19).

        Stores that do not answer are returned with their error.
        """
        failures: dict[str, StoreError] = {}
        mine = SystemRecord(self.system, system_identifier, now)
        for name in names:
            store = self.stores[name]
            try:
                if self._claim(store, mine):
                    continue
                record = self.identify(store)
            except StoreError as error:
                failures[name] = error
                continue
            if record is not None and record.system_identifier != system_identifier:
                raise IdentityMismatch(
                    f"store {name} keeps the backups of another cluster under the name {self.system}",
                    detail=f"system identifier {record.system_identifier} since {record.created:%Y-%m-%d %H:%M} UTC, "
                    f"this server has {system_identifier}",
                    hint="If the cluster was made anew (initdb), give it a new system name (DR_SYSTEM or --system): "
                    "mixing two clusters' backups makes both unusable.",
                )
        return failures

    def _claim(self, store: Store, mine: SystemRecord) -> bool:
        """Write the record if there is none. Where that cannot be made exclusive, look first and write then."""
        key, data = labels.system_record_key(self.system), msgspec.json.encode(mine)
        try:
            return store.create(key, data)
        except ConditionalWritesMissing:
            if self.identify(store) is not None:
                return False
            store.put_bytes(key, data)
            return True
