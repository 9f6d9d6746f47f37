"""How well the parts of a recovery point fit together, stated in figures and in words. Pure.

A database that is restored beside uploads of another hour names files that are not there, and has forgotten some that
are. So the distance between the parts is part of the record, and so is what that distance cost: the rows whose files
are missing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from dr.catalog.labels import Kind
from dr.catalog.points import Member, PointContents

TIED_TO_THE_DATABASE = (Kind.REDIS, Kind.FILES)
"""What the database's rows speak of. The other kinds change by the day and belong to any state of that day."""


@dataclass(frozen=True, slots=True)
class Consistency:
    """``fits``: nothing is known to be wrong with the point; ``problems`` say what is. ``statement`` is for people.

    ``broken`` are those of them that somebody has to mend: what the settings promise was not had. The others tell of
    the product's own state, or of what was told already.
    """

    fits: bool
    statement: str
    problems: tuple[str, ...]
    broken: tuple[str, ...] = ()


def apart_seconds(at: datetime, members: Iterable[Member]) -> float:
    """The longest distance from the database's moment among the members that are tied to it; 0 without any."""
    moments = (
        moment
        for member in members
        if member.kind in TIED_TO_THE_DATABASE
        for moment in (member.taken, member.until or member.taken)
    )
    return max((abs((moment - at).total_seconds()) for moment in moments), default=0.0)


def judge_point(point: PointContents, limit_seconds: float, *, keeps_wal: bool = True) -> Consistency:
    """Whether the parts are one state: all there, close together, no file missing that a row names.

    ``keeps_wal``: the settings promise that the database can be recovered to any position.
    """
    problems, broken = list(point.notes), []
    if point.database is None:
        broken.append("the recovery point has no backup of the database to go with it")
    elif point.database.lsn is None:
        where = broken if keeps_wal else problems
        where.append(f"the database's position is not known: {point.database.reason}")
    if point.apart_seconds > limit_seconds:
        problems.append(f"its parts lie {point.apart_seconds:.0f} s apart, more than {limit_seconds:.0f} s")
    if point.references.reason and point.references.wanted:
        broken.append(f"whether the files that rows name are there was not measured: {point.references.reason}")
    if point.references.missing:
        problems.append(
            f"{point.references.missing} of {point.references.asked} files that rows name are not among the uploads"
        )
    problems = [*broken, *problems]
    return Consistency(not problems, _statement(point), tuple(problems), tuple(broken))


def _statement(point: PointContents) -> str:
    database = point.database
    if database is None:
        return "no database"
    where = f"LSN {database.lsn} on timeline {database.timeline}" if database.lsn else f"the dump {database.dump}"
    text = f"database at {where}; Redis and uploads within {point.apart_seconds:.1f} s of it"
    if point.references.reason:
        return f"{text}; files named by rows: not measured, {point.references.reason}"
    found = point.references.asked - point.references.missing
    return f"{text}; {found} of {point.references.asked} files named by rows are there"
