"""Backups from the newest back, for planners: they want the last few of thousands.

Names are cheap and manifests are not, least of all across a network. So the names of the last two months are listed
first, those of all time only when they were not enough, and a manifest is read when it is asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, MutableSequence
from datetime import UTC, datetime

from dr.catalog import labels
from dr.catalog.labels import Kind, Label
from dr.catalog.manifest import Manifest
from dr.errors import StoreError
from dr.storage.manifests import Backup, backup_of, each_manifest, manifest_keys, whole
from dr.storage.protocol import Store

_RECENT_MONTHS = 2


class BackupNames:
    """The names of one system's backups in its stores. Remembers which stores failed, and leaves those alone."""

    def __init__(self, system: str, stores: Mapping[str, Store]) -> None:
        self._system = system
        self._stores = stores
        self.failures: dict[str, StoreError] = {}

    def all(self, kinds: Iterable[Kind]) -> dict[Label, tuple[str, ...]]:
        """Every label with the stores that hold it."""
        return self._under(tuple(labels.kind_prefix(self._system, kind) for kind in kinds))

    def newest_first(self, kinds: tuple[Kind, ...], before: datetime | None) -> Iterator[tuple[Label, tuple[str, ...]]]:
        """Every label labelled no later than ``before``, listed as far as it is asked for."""
        seen: set[Label] = set()
        for found in self._steps(kinds, before or datetime.now(UTC)):
            for label in sorted(found.keys() - seen, reverse=True):
                if before is None or label.created <= before:
                    yield label, found[label]
            seen |= found.keys()

    def read(self, label: Label, holders: tuple[str, ...], unreadable: MutableSequence[str]) -> Backup | None:
        """One backup as the stores that list it tell of it; None when none of them does."""
        copies: list[tuple[str, Manifest]] = []
        key = labels.manifest_key(self._system, label)
        for name in holders:
            if name in self.failures:
                continue
            try:
                copies += [(name, item) for item in each_manifest(self._stores[name], [key], unreadable, whole)]
            except StoreError as error:
                self.failures[name] = error
        return backup_of(copies) if copies else None

    def raise_if_none_answered(self) -> None:
        """Raise the first StoreError when every store failed."""
        if self.failures and len(self.failures) == len(self._stores):
            raise next(iter(self.failures.values()))

    def _steps(self, kinds: tuple[Kind, ...], last: datetime) -> Iterator[dict[Label, tuple[str, ...]]]:
        year, month = last.astimezone(UTC).year, last.astimezone(UTC).month
        for _ in range(_RECENT_MONTHS):
            yield self._under(tuple(labels.month_prefix(self._system, kind, year, month) for kind in kinds))
            year, month = (year, month - 1) if month > 1 else (year - 1, 12)
        yield self.all(kinds)

    def _under(self, prefixes: tuple[str, ...]) -> dict[Label, tuple[str, ...]]:
        holders: dict[Label, tuple[str, ...]] = {}
        for name, store in self._stores.items():
            if name in self.failures:
                continue
            try:
                for key in manifest_keys(store, prefixes):
                    label = labels.label_of_manifest(key)
                    if label is not None:
                        holders[label] = (*holders.get(label, ()), name)
            except StoreError as error:
                self.failures[name] = error
        return holders


def newest_first(
    system: str,
    stores: Mapping[str, Store],
    kinds: Iterable[Kind],
    before: datetime | None,
    unreadable: MutableSequence[str],
) -> Iterator[Backup]:
    """See ``Repository.newest_first``."""
    names = BackupNames(system, stores)
    for label, holders in names.newest_first(tuple(kinds), before):
        backup = names.read(label, holders, unreadable)
        if backup is not None:
            yield backup
    unreadable += [f"store {name} could not be asked: {error.message}" for name, error in names.failures.items()]
    names.raise_if_none_answered()
