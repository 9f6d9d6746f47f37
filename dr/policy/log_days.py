"""Which days of logs are complete, which are still to be shipped, and what a shipped day says of itself. Pure.

A log file is filed under one day (UTC), whole: the one in its name, or that of its last write where that came days
later: the date of a release in a path is none of its lines'. A day that is over counts file by file, by what each
contains, and not by its name: rotation renames and compresses files, and a late file must neither be lost nor make its
day travel twice. What is still written goes along as it is so far.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    # The settings know of days, and every process reads the settings.
    from dr.catalog.manifest import ComponentContents, Item

OPEN = "open"
"""The detail of an item that holds what was still being written."""
KEY_LENGTH = 32
COMPRESSED = (".gz", ".bz2", ".xz", ".zst")
_DATE = re.compile(r"(?<!\d)(\d{4})([-_./]?)(\d{2})\2(\d{2})(?:\d{2}|\d{4}|\d{6})?(?!\d)")
_DATED = re.compile(r"(?:^|/)(\d{4})([-_./]?)(\d{2})\2(\d{2})(?=/|\.[^/]*$)")
"""Directories that are nothing but a date; a release's are a date with a time. Their last part can be the file's."""
_LATE = timedelta(days=3)
"""How much later than its name's day a file may be written to, as rotation late or by the week does."""
_NUMBER = re.compile(r"\.\d{1,4}(?=$|\.(?:log|txt|json|jsonl|out|err)$)")


class DayFrom(StrEnum):
    """Where a file's day stands: in its name (else as MTIME), or in the time of its last write."""

    NAME = "name"
    MTIME = "mtime"


@dataclass(frozen=True, slots=True)
class Filed:
    """``closed``: the day is over, and so is the file."""

    day: date
    closed: bool


def day_in(name: str) -> date | None:
    """The last date in a file's own name, else in directories that are nothing but a date.

    >>> day_in("app-2024-01-05.log.gz"), day_in("2024/01/05/app.log"), day_in("access.log-2024010513")
    (datetime.date(2024, 1, 5), datetime.date(2024, 1, 5), datetime.date(2024, 1, 5))
    >>> day_in("app-20241399.log") is day_in("app.log.1") is day_in("releases/20240105103000/log/app.log") is None
    True
    """
    own = name.rsplit("/", 1)[-1]
    for found in (*reversed(list(_DATE.finditer(own))), *reversed(list(_DATED.finditer(name)))):
        try:
            return date(int(found[1]), int(found[3]), int(found[4]))
        except ValueError:
            continue
    return None


def plain_name(name: str) -> str:
    """A name without the ending of its compression."""
    return next((name.removesuffix(ending) for ending in COMPRESSED if name.endswith(ending)), name)


def stem_of(name: str) -> str:
    """The name that a file keeps when it is rotated further.

    >>> stem_of("app.log.2.gz"), stem_of("app.1.log"), stem_of("app-2024-01-05.log")
    ('app.log', 'app.log', 'app-2024-01-05.log')
    """
    return _NUMBER.sub("", plain_name(name))


def file_under(
    name: str, modified: datetime, now: datetime, *, day_from: DayFrom, settle: timedelta, today: date | None = None
) -> Filed:
    """The day of a file. Closed when it was rotated, its day is over, and nobody has written to it for ``settle``.

    A name's day counts unless the last write came more than a few days later. A name without date or number is that
    of a file in use, however long ago it was written to: what it holds is filed when it is rotated, once. All that is
    not closed is filed under today.
    """
    today = today or now.astimezone(UTC).date()
    named = day_in(name)
    rotated = named is not None or plain_name(name) != name or stem_of(name) != name
    written = modified.astimezone(UTC).date()
    day = written if day_from is DayFrom.MTIME or named is None or written - named > _LATE else named
    if rotated and day < today and modified <= now - settle:
        return Filed(day, closed=True)
    return Filed(today, closed=False)


def key_of(stem: str, content_sha256: str) -> str:
    """What tells a file of a day from all others: tells nothing of its name."""
    return hashlib.sha256(f"{content_sha256}  {stem}\n".encode(errors="surrogateescape")).hexdigest()[:KEY_LENGTH]


Entry = tuple[date, str]
"""A closed file: its day and its key."""


def entries(contents: ComponentContents | None) -> frozenset[Entry]:
    """The closed files that a backup holds. An item that no version of ours wrote holds none."""
    return frozenset((day, key) for day, item in _days(contents) if item.detail != OPEN for key in item.detail.split())


def ends(contents: ComponentContents | None) -> datetime | None:
    """When the newest day ended that a backup holds anything of; None when it holds nothing."""
    newest = max((day for day, _ in _days(contents)), default=None)
    if newest is None:
        return None
    return datetime(newest.year, newest.month, newest.day, tzinfo=UTC) + timedelta(days=1)


def _days(contents: ComponentContents | None) -> Iterator[tuple[date, Item]]:
    for item in contents.items if contents else ():
        try:
            yield date.fromisoformat(item.name), item
        except ValueError:
            continue


def due(
    files: Iterable[Entry], held: Mapping[str, AbstractSet[Entry]], oldest: Mapping[str, date | None]
) -> frozenset[Entry]:
    """The closed files that some store lacks and still should have; ``oldest`` is the first day that it keeps.

    One that came too late for a store's first day is not sent there: it would expire on arrival.
    """
    return frozenset(
        (day, key)
        for day, key in files
        if any((day, key) not in there and _kept(day, oldest.get(store)) for store, there in held.items())
    )


def too_late(files: Iterable[Entry], oldest: Iterable[date | None]) -> frozenset[Entry]:
    """The closed files whose day no store keeps any more; ``oldest`` is the first day of each store."""
    first = list(oldest)
    return frozenset((day, key) for day, key in files if first and not any(_kept(day, item) for item in first))


def _kept(day: date, oldest: date | None) -> bool:
    return oldest is None or day >= oldest


def chain(previous: str, items: Sequence[Item]) -> str:
    """One digest over what a backup holds and over all before it: none can be changed or left out unnoticed."""
    lines = [f"{item.digest}  {item.name} {item.count} {item.bytes} {item.detail}" for item in items]
    return hashlib.sha256("\n".join([previous, *lines]).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Link:
    """One backup of a class as its manifest tells: what it says the one before it was."""

    label: str
    previous: str
    previous_chain: str
    chain: str
    items: tuple[Item, ...]

    @classmethod
    def of(cls, label: str, contents: ComponentContents) -> Link:
        facts = contents.facts
        return cls(
            label, facts.get("previous", ""), facts.get("previous chain", ""), facts.get("chain", ""), contents.items
        )


def breaks(links: Sequence[Link]) -> tuple[str, ...]:
    """What does not fit in a class's backups, oldest first; the first one's predecessor may have expired."""
    found = []
    for before, link in zip((None, *links), links, strict=False):
        if chain(link.previous_chain, link.items) != link.chain:
            found.append(f"{link.label} is not what was shipped: its digests do not give its own chain")
        elif before is not None and (link.previous, link.previous_chain) != (before.label, before.chain):
            found.append(
                f"{link.label} was shipped after {link.previous or 'nothing'}, and {before.label} lies before it"
            )
    return tuple(found)
