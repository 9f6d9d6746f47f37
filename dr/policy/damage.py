"""What is broken in a database, and whether it takes a restore. Pure.

An index holds nothing that its table does not: an index alone is built anew, which loses nothing and takes minutes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum


class What(StrEnum):
    """What a damaged thing is."""

    TABLE = "table"
    INDEX = "index"
    LONG_VALUES = "long values of a table"
    CATALOG = "system catalog"
    FILE = "file"


class Advice(StrEnum):
    """What the damage asks for."""

    RESTORE = "restore"
    REINDEX = "reindex"
    NOTHING_FOUND = "nothing found"


@dataclass(frozen=True, slots=True)
class Damaged:
    """One relation, or a file that nobody could name; ``said`` is PostgreSQL's message. ``name`` is quoted as SQL."""

    database: str
    what: What
    name: str
    said: str

    def __str__(self) -> str:
        return f"{self.what} {self.name}" + (f" in {self.database}" if self.database else "") + f": {self.said}"


@dataclass(frozen=True, slots=True)
class ChecksumFailures:
    """What a server has counted of one database since its statistics began, and when it met the last."""

    database: str
    count: int
    last: datetime | None


@dataclass(frozen=True, slots=True)
class Damage:
    """``answers`` False: the server could not be asked, ``why`` says so. ``not_looked_at``: the time was up."""

    answers: bool
    why: str = ""
    damaged: tuple[Damaged, ...] = ()
    checksum_failures: tuple[ChecksumFailures, ...] = ()
    looked_at: int = 0
    not_looked_at: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def advice(self) -> Advice:
        """A system catalog's index counts as the catalog: REINDEX relies on it."""
        if not self.answers:
            return Advice.RESTORE
        if not self.damaged:
            return Advice.NOTHING_FOUND
        return Advice.REINDEX if all(item.what is What.INDEX for item in self.damaged) else Advice.RESTORE

    @property
    def first_seen(self) -> datetime | None:
        """The earliest moment at which some database had met a damaged page; the damage is at least as old."""
        return min((item.last for item in self.checksum_failures if item.last is not None), default=None)

    def reindex(self) -> tuple[str, ...]:
        """The statements that build the damaged indexes anew, each with its database."""
        names = dict.fromkeys((item.database, item.name) for item in self.damaged if item.what is What.INDEX)
        return tuple(f"psql -d {database} -c 'REINDEX INDEX CONCURRENTLY {name}'" for database, name in names)

    def with_files(self, found: tuple[Damaged, ...], notes: tuple[str, ...]) -> Damage:
        """The same with what was found on disk; what was known already is not told twice."""
        known = {(item.database, item.name) for item in self.damaged}
        new = tuple(item for item in found if (item.database, item.name) not in known)
        return replace(self, damaged=(*self.damaged, *new), notes=(*self.notes, *notes))

    def lines(self) -> tuple[str, ...]:
        """As a person reads it."""
        first = "the server answers" if self.answers else f"the server does not answer: {self.why}"
        said = [first + (f"; {self.looked_at} relations were read" if self.answers else "")]
        said += [str(item) for item in self.damaged]
        said += [
            f"{item.count} checksum failures in {item.database}"
            + (f", the last met at {item.last:%Y-%m-%d %H:%M:%S} UTC" if item.last else "")
            for item in self.checksum_failures
        ]
        if self.not_looked_at:
            shown = ", ".join(self.not_looked_at[:5])
            said.append(f"the time was up before {len(self.not_looked_at)} relations were read: {shown}")
        if self.answers and not self.damaged:
            said.append("no damaged page was met; damage that rows themselves carry is not seen this way")
        return (*said, *self.notes)
