"""What the stores already hold of one class of logs, by their own manifests: nothing else is asked or remembered."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta

from dr.catalog.labels import Kind
from dr.catalog.manifest import Manifest
from dr.configuration.model import System
from dr.policy.log_days import Entry, due, entries, too_late
from dr.policy.retention_periods import FOREVER, period_of
from dr.storage.protocol import Store
from dr.storage.repository import Backup, Repository


class Held:
    """The closed files in each store, read from the newest manifest back, as far as it is needed.

    Only a proven copy counts: what no longer reads well is shipped again while its source is there.
    """

    def __init__(self, system: System, keep_as: str, stores: Mapping[str, Store]) -> None:
        self._keep_as = keep_as
        self._repository = Repository(system.name, stores.values())
        self._names = self._repository.names()
        self._labels = self._names.newest_first((Kind.LOGS,), None)
        self._ahead: Backup | None = None
        self._by_store: dict[str, set[Entry]] = {name: set() for name in stores}
        self.newest: Manifest | None = None
        self.notes: tuple[str, ...] = ()
        self._days = {
            name: period_of(system.retention, Kind.LOGS, keep_as, system.retention.local_days).of_store(
                is_local=store.is_local
            )
            for name, store in stores.items()
        }

    def missing(self, files: Iterable[Entry], today: date) -> frozenset[Entry]:
        """Those that a store lacks and still should have. Raises StoreError when no store answers.

        A store that does not list what it has is left out: it is caught up with when it answers. ``notes`` tells
        what no store would keep.
        """
        wanted = frozenset(files)
        first = min((day for day, _ in wanted), default=today)
        oldest = {name: None if days == FOREVER else today - timedelta(days=days) for name, days in self._days.items()}
        more = True
        while more and (self.newest is None or due(wanted, self._answering(), oldest)):
            more = self._read_one(first)
        self._names.raise_if_none_answered()
        late = sorted(too_late(wanted, oldest.values()) - self.anywhere())
        if late:
            days = " to ".join(dict.fromkeys((str(late[0][0]), str(late[-1][0]))))
            told = f"{len(late)} files of {days} are not sent: every store's period for such days is over"
            self.notes = (told,)
        return due(wanted, self._answering(), oldest)

    def anywhere(self) -> frozenset[Entry]:
        """What any store holds, as far as was read."""
        return frozenset(entry for found in self._by_store.values() for entry in found)

    def _answering(self) -> dict[str, set[Entry]]:
        return {name: found for name, found in self._by_store.items() if name not in self._names.failures}

    def _read_one(self, first: date) -> bool:
        """Take the next older backup of this class; False when none can hold anything from ``first`` on."""
        backup = self._ahead or next(self._backups(), None)
        self._ahead = None
        if backup is None:
            return False
        if self.newest is None:
            self.newest = backup.manifest
        if backup.label.created.date() < first:
            self._ahead = backup
            return False
        for store in backup.stores:
            if backup.manifest.proven_level(store) is not None:
                self._by_store[store] |= entries(backup.manifest.component)
        return True

    def _backups(self) -> Iterator[Backup]:
        for label, holders in self._labels:
            backup = self._names.read(label, holders, [])
            if backup is not None and backup.manifest.retention_class == self._keep_as:
                yield backup
