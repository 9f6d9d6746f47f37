"""Base backups for the recoverable window: names at once, manifests when they decide something."""

from __future__ import annotations

from collections.abc import Mapping, MutableSequence
from concurrent.futures import ThreadPoolExecutor

from dr.catalog.labels import Label, Method
from dr.policy.wal_window import BasePoint
from dr.storage.manifests import Backup
from dr.storage.newest_first import BackupNames

READ_ALL = 200
_READERS = 16


class BaseManifests:
    """Manifests of base backups, each read once, from whichever store has it. May be asked by several threads."""

    def __init__(self, names: BackupNames, holders: Mapping[Label, tuple[str, ...]]) -> None:
        self._names = names
        self._known: dict[Label, Backup | None] = {}
        self.holders = holders
        self.unreadable: MutableSequence[str] = []
        if len(holders) <= READ_ALL:
            # So few are read at once, together: then nothing rests on the labels' order being that of the WAL.
            with ThreadPoolExecutor(_READERS, thread_name_prefix="bases") as pool:
                list(pool.map(self.read, holders))

    @property
    def count(self) -> int:
        """How many manifests were read."""
        return len(self._known)

    def read(self, label: Label) -> Backup | None:
        """One manifest; None when no store's can be read."""
        if label not in self._known:
            self._known[label] = self._names.read(label, self.holders[label], self.unreadable)
        return self._known[label]


class HeldBases:
    """The base backups that one store holds, or some store when ``store`` is None; oldest first."""

    def __init__(self, manifests: BaseManifests, store: str | None) -> None:
        self._manifests = manifests
        self._labels = sorted(label for label, names in manifests.holders.items() if store is None or store in names)
        self._held = frozenset(self._labels)

    def __len__(self) -> int:
        return len(self._labels)

    def label(self, place: int) -> str:
        """The label at a place."""
        return str(self._labels[place])

    def point(self, place: int) -> BasePoint | None:
        """Where the backup lies in the WAL; None when its manifest cannot be read or does not say."""
        label = self._labels[place]
        backup = self._manifests.read(label)
        if backup is None:
            return None
        manifest = backup.manifest
        if manifest.timeline is None or manifest.begin_lsn is None or manifest.end_lsn is None:
            return None
        ended = manifest.server_end or manifest.end
        whole = self._is_whole(label)
        return BasePoint(str(label), manifest.timeline, manifest.begin_lsn, manifest.end_lsn, ended, whole)

    def _is_whole(self, label: Label) -> bool:
        """Whether all that an incremental backup hangs on is held here too."""
        seen = set()
        while label.method is Method.INCREMENTAL:
            backup = self._manifests.read(label)
            seen.add(label)
            try:
                label = Label.parse((backup.manifest.parent if backup else "") or "")
            except ValueError:
                return False
            if label not in self._held or label in seen:
                return False
        return True
