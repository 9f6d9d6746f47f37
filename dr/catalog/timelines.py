"""Timelines: how each branched off, and the path that leads to one.

Every recovery ends on a timeline of its own. ``00000003.history`` says, line by line, up to which LSN the WAL of the
earlier timelines is part of timeline 3.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dr.catalog.lsn import Lsn
from dr.catalog.wal_index import Ancestor


@dataclass(frozen=True, slots=True)
class Section:
    """A stretch of WAL on one timeline; ``end`` None on the last one of a path."""

    timeline: int
    begin: Lsn
    end: Lsn | None


def parse_history(content: str) -> tuple[Ancestor, ...]:
    """The lines of a history file, oldest first. Raises ValueError on what PostgreSQL would refuse as well.

    >>> parse_history("1\\t0/3000148\\tno recovery target specified\\n")
    (Ancestor(timeline=1, switch=Lsn('0/3000148')),)
    """
    found: list[Ancestor] = []
    for line in content.splitlines():
        text = line.split("#", 1)[0].strip()
        if not text:
            continue
        parts = text.split(None, 2)
        if len(parts) < 2 or not parts[0].isdigit():
            raise ValueError(f"not a line of a timeline history: {line!r}")
        ancestor = Ancestor(int(parts[0]), Lsn.parse(parts[1]))
        if found and (ancestor.timeline <= found[-1].timeline or ancestor.switch < found[-1].switch):
            raise ValueError(f"timelines out of order: {line!r}")
        found.append(ancestor)
    return tuple(found)


def path_to(timeline: int, histories: Mapping[int, tuple[Ancestor, ...]]) -> tuple[Section, ...]:
    """The sections of WAL that lead to ``timeline``, oldest first. Raises KeyError when its history is not known.

    Timeline 1 has no history file; any other has.
    """
    ancestors = histories[timeline] if timeline in histories or timeline != 1 else ()
    sections: list[Section] = []
    begin = Lsn(0)
    for ancestor in ancestors:
        sections.append(Section(ancestor.timeline, begin, ancestor.switch))
        begin = ancestor.switch
    return (*sections, Section(timeline, begin, None))
