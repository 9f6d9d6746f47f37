"""The base backups that a recovery may begin from: newest first, listed once and read only when they are asked for."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from dr.catalog.labels import Kind, Label
from dr.errors import BackupInvalid, BackupNotFound
from dr.policy.recovery_point import Base
from dr.storage.manifests import Backup
from dr.storage.repository import Repository

logger = logging.getLogger(__name__)

_RECENT = timedelta(days=28)
"""What is not older is found among the names that were listed first anyway."""


class BaseCandidates:
    """All base backups of a system, or only the one that was ``named``."""

    def __init__(self, repository: Repository, named: Label | None = None) -> None:
        self.named = named
        self._repository = repository
        self._names = repository.names()
        self._listing = self._names.newest_first((Kind.BASE,), None)
        self._listed: list[tuple[Label, tuple[str, ...]]] = []
        self._read: dict[Label, Base | None] = {}
        self._unreadable: list[str] = []
        self._near = sorted(repository.stores.values(), key=lambda store: not store.is_local)

    @property
    def notes(self) -> tuple[str, ...]:
        """Manifests that cannot be read, and stores that did not answer."""
        silent = (f"store {name} could not be asked: {error.message}" for name, error in self._names.failures.items())
        return (*self._unreadable, *silent)

    def newest_first(self, before: datetime | None = None) -> Iterator[Base]:
        """Those labelled no later than ``before``. Raises the first StoreError when no store answers."""
        if self.named is not None:
            yield self._base(self._repository.find(self.named))
            return
        recent = before is None or before > datetime.now(UTC) - _RECENT
        for label, holders in self._all() if recent else self._names.newest_first((Kind.BASE,), before):
            if before is None or label.created <= before:
                base = self._manifest(label, holders)
                if base is not None:
                    yield base
        self._names.raise_if_none_answered()

    def find(self, label: str) -> Base | None:
        """One backup by its label; None when it is not there or cannot be read."""
        try:
            return self._base(self._repository.find(Label.parse(label)))
        except (BackupNotFound, BackupInvalid, ValueError) as error:
            logger.warning("%s cannot be used: %s", label, error)
            return None

    def _all(self) -> Iterator[tuple[Label, tuple[str, ...]]]:
        place = 0
        while True:
            if place == len(self._listed):
                following = next(self._listing, None)
                if following is None:
                    return
                self._listed.append(following)
            yield self._listed[place]
            place += 1

    def _manifest(self, label: Label, holders: tuple[str, ...]) -> Base | None:
        if label not in self._read:
            backup = self._names.read(label, holders, self._unreadable)
            self._read[label] = self._base(backup) if backup is not None else None
        return self._read[label]

    def _base(self, backup: Backup) -> Base:
        return Base(backup.manifest, tuple(store.name for store in self._near if store.name in backup.stores))
