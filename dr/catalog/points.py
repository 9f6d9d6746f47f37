"""The recovery point: which backups belong to one state of the whole system, and how well they fit together.

It is stored as a backup of its own kind, so that it is encrypted, proven, listed and expired like any other; what it
says of itself stands in its manifest. Times are UTC, durations seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from dr.catalog.labels import Kind
from dr.catalog.lsn import Lsn


@dataclass(frozen=True, slots=True)
class DatabasePosition:
    """The database's part: all that was committed before ``lsn`` on ``timeline``, at ``at`` by the server's clock.

    ``base`` is the base backup from which WAL leads there, ``dump`` the newest dump. Where no WAL leads there, ``lsn``
    is None, the position is the dump's, ``at`` is when it was taken, and ``reason`` says why.
    """

    at: datetime
    lsn: Lsn | None = None
    timeline: int | None = None
    base: str = ""
    dump: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Member:
    """One component's backup. ``taken`` is the moment that it shows; ``fresh``: made by the run of this point.

    ``until``: what was read bit by bit may show anything between ``taken`` and then. ``stores`` and ``level`` are as
    they were when the point was made.
    """

    kind: Kind
    label: str
    taken: datetime
    fresh: bool
    stores: tuple[str, ...]
    level: str = ""
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class References:
    """Files that the database's rows name at the position: how many, and how many the files' backup has not.

    ``reason`` says why that was not measured, ``wanted`` that the settings ask for it. The names of the missing lie in
    the point's encrypted object.
    """

    asked: int = 0
    missing: int = 0
    reason: str = ""
    wanted: bool = False


@dataclass(frozen=True, slots=True)
class PointContents:
    """One state of the system. ``apart_seconds`` is the longest distance of a fresh member from the database's moment.

    ``notes`` say what is not as it should be: a kind without a backup, a member that is older than this run.
    """

    database: DatabasePosition | None
    members: tuple[Member, ...]
    apart_seconds: float
    references: References
    notes: tuple[str, ...] = ()

    @property
    def labels(self) -> tuple[str, ...]:
        """Every backup that the point needs."""
        database = (self.database.base, self.database.dump) if self.database else ()
        return tuple(label for label in (*database, *(member.label for member in self.members)) if label)

    def member(self, kind: Kind) -> Member | None:
        return next((item for item in self.members if item.kind is kind), None)


@dataclass(frozen=True, slots=True)
class PointRecord:
    """The encrypted object of a recovery point: its contents again, every member's manifest as stored, and the paths
    that rows name and the uploads have not (the first of them). A member whose manifest is lost is restored by what
    stands here. ``salt`` is random: the manifest, which anybody can read, has this object's hash, and by that nobody
    shall find out whether a path is among the missing.
    """

    system: str
    contents: PointContents
    manifests: tuple[str, ...]
    missing: tuple[str, ...] = ()
    salt: str = ""
    format_version: int = 1
