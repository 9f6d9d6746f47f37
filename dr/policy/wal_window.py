"""Which moments a recovery can reach: base backups and the WAL behind each, as far as it has no hole. Pure.

A moment is recoverable when a base backup ended before it and all WAL from that backup's begin to the moment is there.
Manifests are dear where they lie across a network, so a base backup is looked at only when it decides something: on one
timeline the labels and the WAL positions rise together, and the oldest of a stretch of WAL is found by halving.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from dr.catalog.lsn import Lsn
from dr.catalog.timelines import Section, path_to
from dr.catalog.wal_index import Ancestor, StoredHistory
from dr.policy.wal_coverage import Gap, Span, WalHoldings


@dataclass(frozen=True, slots=True)
class BasePoint:
    """Where a base backup lies in the WAL. ``ended`` by the server's clock: the first moment it can be recovered to.

    ``whole`` is False when it cannot be restored, because a backup that it needs is not there.
    """

    label: str
    timeline: int
    begin: Lsn
    end: Lsn
    ended: datetime
    whole: bool = True


class Bases(Protocol):
    """The base backups of a store, oldest first. ``point`` reads what it is asked for; None when it cannot be read."""

    def __len__(self) -> int: ...
    def point(self, place: int) -> BasePoint | None: ...
    def label(self, place: int) -> str: ...


@dataclass(frozen=True, slots=True)
class Interval:
    """Every moment from ``begin`` to ``end`` can be recovered on ``timeline``; ``gap`` is what ended it.

    ``begin`` is the end of the oldest base backup. All commits that the server had acknowledged by ``end`` are inside;
    ``noted`` is False where nobody noted the server's clock with the WAL: then the WAL goes further than ``end`` says.
    ``bases`` counts the base backups in it, ``segments`` and ``stored_bytes`` the WAL from the first of them.
    """

    timeline: int
    begin: datetime
    begin_lsn: Lsn
    end: datetime
    end_lsn: Lsn
    noted: bool
    bases: int
    oldest_base: str
    newest_base: str
    segments: int
    stored_bytes: int
    gap: Gap | None


@dataclass(frozen=True, slots=True)
class Window:
    """What can be recovered from one store, or from several together.

    ``intervals`` are in order of timeline and time; ``holes`` are all there are, in front of the first backup too.
    ``lone_bases`` counts the base backups without WAL behind them: each can be recovered to its own end and to no other
    moment; ``newest_lone`` is the last of them. ``lost_histories`` are timelines whose history file is not there: no
    recovery crosses over to them. ``broken`` says why what is committed now cannot be recovered, whatever WAL may still
    come, until a new base backup is made (I18); empty while it can, and when there is no WAL at all.
    """

    intervals: tuple[Interval, ...]
    holes: tuple[Gap, ...]
    segments: int
    stored_bytes: int
    bases: int
    lone_bases: int
    newest_lone: str
    lost_histories: tuple[int, ...]
    broken: str = ""

    @property
    def current(self) -> Interval | None:
        """The one that goes on: the last of the newest timeline."""
        return self.intervals[-1] if self.intervals else None

    @property
    def oldest(self) -> datetime | None:
        return min((item.begin for item in self.intervals), default=None)

    @property
    def newest(self) -> datetime | None:
        return max((item.end for item in self.intervals), default=None)


def window(holdings: WalHoldings, histories: Mapping[int, StoredHistory], bases: Bases) -> Window:
    """Work it out, timeline by timeline."""
    ancestors = {timeline: item.ancestors for timeline, item in histories.items()}
    finder = _Finder(bases)
    intervals: list[Interval] = []
    holes: list[Gap] = []
    lost: list[int] = []
    for timeline in sorted({*holdings.timelines, *histories}):
        try:
            path = path_to(timeline, ancestors)
        except KeyError:
            lost.append(timeline)
            path = (Section(timeline, Lsn(0), None),)
        for stretch in holdings.stretches(path):
            if stretch.gap is not None and stretch.gap not in holes:
                holes.append(stretch.gap)
            # What ends before the timeline begins is on an earlier timeline too, and told there.
            if stretch.end > path[-1].begin:
                interval = _interval(timeline, path, stretch, finder, holdings.geometry.segment_bytes)
                intervals += [interval] if interval else []
    lone = [place for place in range(len(bases)) if place not in finder.used]
    return Window(
        intervals=tuple(intervals),
        holes=tuple(holes),
        segments=holdings.count,
        stored_bytes=holdings.stored_bytes,
        bases=len(bases),
        lone_bases=len(lone),
        newest_lone=bases.label(lone[-1]) if lone else "",
        lost_histories=tuple(lost),
        broken=_broken(holdings, ancestors, bases, finder),
    )


def _broken(holdings: WalHoldings, ancestors: Mapping[int, tuple[Ancestor, ...]], bases: Bases, finder: _Finder) -> str:
    """Whether the newest stretch of WAL, and whatever is added to it, has a base backup to begin from."""
    if not holdings.timelines:
        return ""
    timeline = holdings.timelines[-1]
    try:
        path = path_to(timeline, ancestors)
    except KeyError:
        path = (Section(timeline, Lsn(0), None),)
    stretches = holdings.stretches(path)
    if not stretches:
        return ""
    begin, reason = stretches[-1].begin, stretches[-2].gap if len(stretches) > 1 else None
    late = [item for item in holdings.breaks if item.end > stretches[-1].end]
    begin = max([begin, *(item.end for item in late)])
    newest = finder.first_whole(range(len(bases) - 1, -1, -1))
    if newest is None:
        return "there is no base backup that can be restored"
    first = next(section for section in path if section.end is None or begin < section.end)
    if (newest.timeline, newest.begin.position) >= (first.timeline, begin.position):
        return ""
    if late:
        return f"WAL up to {begin} is lost: {late[-1].reason}; no base backup is newer"
    why = (
        f": {reason.first} to {reason.last} are missing" + (f" ({reason.reason})" if reason.reason else "")
        if reason
        else ""
    )
    return f"no base backup is newer than {begin}, where the WAL that there is begins{why}"


def _interval(
    timeline: int, path: Sequence[Section], stretch: Span, finder: _Finder, segment_bytes: int
) -> Interval | None:
    """What of a stretch of WAL can be recovered to: from its oldest whole base backup on."""
    places = [place for section in path for place in finder.within(section, stretch)]
    oldest = finder.first_whole(places)
    newest = finder.first_whole(reversed(places))
    if oldest is None or newest is None:
        return None
    finder.used.update(places)
    pieces = stretch.pieces[(oldest.begin.position - stretch.begin.position) // segment_bytes :]
    noted = stretch.server_time is not None and stretch.server_time >= newest.ended
    return Interval(
        timeline=timeline,
        begin=oldest.ended,
        begin_lsn=oldest.end,
        end=max(stretch.server_time or newest.ended, newest.ended),
        end_lsn=stretch.end,
        noted=noted,
        bases=len(places),
        oldest_base=oldest.label,
        newest_base=newest.label,
        segments=len(pieces),
        stored_bytes=sum(piece.stored_bytes for piece in pieces),
        gap=stretch.gap,
    )


class _Finder:
    """Base backups by their place in the WAL. ``used`` are those that some stretch of WAL continues."""

    def __init__(self, bases: Bases) -> None:
        self._bases = bases
        self.used: set[int] = set()
        self._places = range(len(bases))

    def within(self, section: Section, stretch: Span) -> range:
        """The base backups that lie in a stretch of WAL, as far as that is on this section."""
        begin = max(section.begin, stretch.begin)
        end = stretch.end if section.end is None else min(section.end, stretch.end)
        first = bisect_left(self._places, (section.timeline, begin.position), key=self._begin)
        last = bisect_right(self._places, (section.timeline, end.position), lo=first, key=self._end)
        return range(first, last)

    def first_whole(self, places: Iterable[int]) -> BasePoint | None:
        """The first of them that can be restored."""
        points: Iterator[BasePoint | None] = map(self._bases.point, places)
        return next((point for point in points if point is not None and point.whole), None)

    def _begin(self, place: int) -> tuple[int, int]:
        point = self._nearest(place)
        return (point.timeline, point.begin.position) if point else (0, 0)

    def _end(self, place: int) -> tuple[int, int]:
        point = self._nearest(place)
        return (point.timeline, point.end.position) if point else (0, 0)

    def _nearest(self, place: int) -> BasePoint | None:
        """The backup at a place; where it cannot be read the one before it stands for it."""
        while place >= 0:
            point = self._bases.point(place)
            if point is not None:
                return point
            place -= 1
        return None
