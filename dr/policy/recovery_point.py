"""A recovery to a point, decided: from which backups, with which WAL, on which timeline, up to where. Pure values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from dr.catalog.lsn import Lsn
from dr.catalog.manifest import Manifest
from dr.policy.recovery_target import RecoveryTarget


@dataclass(frozen=True, slots=True)
class Base:
    """A base backup and the stores that have it, nearest first."""

    manifest: Manifest
    stores: tuple[str, ...]

    @property
    def label(self) -> str:
        return self.manifest.label

    @property
    def timeline(self) -> int:
        return self.manifest.timeline or 1

    @property
    def ended(self) -> datetime:
        """The first moment, by the server's clock, to which it can be recovered."""
        return self.manifest.server_end or self.manifest.end


@dataclass(frozen=True, slots=True)
class WalCopy:
    """One store's object of a piece of WAL."""

    store: str
    key: str
    stored_bytes: int
    stored_sha256: str


@dataclass(frozen=True, slots=True)
class WalPiece:
    """A segment to fetch, under the name PostgreSQL asks for; of an open one the first ``valid_bytes`` are stored.

    All ``copies``, nearest first, hold the same plain bytes.
    """

    name: str
    valid_bytes: int | None
    plain_sha256: str
    copies: tuple[WalCopy, ...]


@dataclass(frozen=True, slots=True)
class HistoryFile:
    """A timeline's history file, whole."""

    name: str
    content: str


@dataclass(frozen=True, slots=True)
class Located:
    """Where a target is in the WAL. ``time`` is by the server's clock; of a restore point the last commit before it."""

    lsn: Lsn
    time: datetime | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class RecoveryPoint:
    """What a recovery needs besides the directory it goes to.

    ``chain`` is the full backup and the incremental ones on it, oldest first; ``pieces`` the WAL behind the last of
    them, in replay order. All WAL that there is goes to ``end``, and all commits up to ``newest`` (by the server's
    clock, None when nobody noted it) are in that.
    """

    target: RecoveryTarget
    chain: tuple[Base, ...]
    timeline: int
    segment_bytes: int
    pieces: tuple[WalPiece, ...]
    histories: tuple[HistoryFile, ...]
    end: Lsn | None
    newest: datetime | None
    located: Located | None = None
    warnings: tuple[str, ...] = ()

    @property
    def base(self) -> Base:
        """The backup that recovery begins from."""
        return self.chain[-1]

    @property
    def fetch_bytes(self) -> int:
        """Bytes of WAL to fetch, from the first copy of each piece."""
        return sum(piece.copies[0].stored_bytes for piece in self.pieces)
