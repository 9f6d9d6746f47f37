"""Which WAL there is without a hole, from the index alone. Pure.

A recovery needs every segment from where its base backup began. Along a path over several timelines the segment in
which the switch happened exists on both: the new timeline's holds the same bytes up to the switch.
"""

from __future__ import annotations

import itertools
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from dr.catalog.lsn import Lsn
from dr.catalog.timelines import Section
from dr.catalog.wal_index import Break, StoredPartial, StoredSegment, WalBlock
from dr.catalog.wal_names import Segment, WalGeometry

Piece = StoredSegment | StoredPartial


@dataclass(frozen=True, slots=True)
class Gap:
    """Segments that nobody has: from ``first`` to ``last``, ``count`` of them, and why, where that is known."""

    first: Segment
    last: Segment
    count: int
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Span:
    """The WAL of a recovery, in the order in which it is replayed, as far as it goes without a hole.

    ``end`` is the first byte that is not there; ``server_time`` the newest moment, by the server's clock, whose
    acknowledged commits are all in it (None when nobody noted one). ``gap`` is what ended it, None at the newest WAL.
    """

    pieces: tuple[Piece, ...]
    begin: Lsn
    end: Lsn
    server_time: datetime | None
    gap: Gap | None

    @property
    def stored_bytes(self) -> int:
        return sum(piece.stored_bytes for piece in self.pieces)


class WalHoldings:
    """The WAL that one store, or several together, hold."""

    def __init__(self, blocks: Iterable[WalBlock]) -> None:
        self._segments: dict[tuple[int, int], StoredSegment] = {}
        self._partials: dict[tuple[int, int], StoredPartial] = {}
        self.breaks: list[Break] = []
        sizes = set()
        for block in blocks:
            sizes.add(block.segment_bytes)
            timeline, first = block.timeline, block.log * block.geometry.per_log
            for item in block.segments:
                self._segments.setdefault((timeline, first + int(item.name[16:], 16)), item)
            for rest in block.partials:
                place = (timeline, first + int(rest.name[16:], 16))
                known = self._partials.get(place)
                if known is None or known.valid_bytes < rest.valid_bytes:
                    self._partials[place] = rest
            self.breaks += [item for item in block.breaks if item not in self.breaks]
        if len(sizes) > 1:
            raise ValueError(f"one cluster has one size of WAL segments, the index speaks of {sorted(sizes)}")
        self.geometry = WalGeometry(sizes.pop()) if sizes else WalGeometry()
        self._ordered: dict[int, list[int]] = {}
        for timeline, number in sorted(self._segments.keys() | self._partials.keys()):
            self._ordered.setdefault(timeline, []).append(number)

    @property
    def timelines(self) -> tuple[int, ...]:
        """The timelines of which there is any WAL, ascending."""
        return tuple(sorted(self._ordered))

    @property
    def count(self) -> int:
        """Closed segments."""
        return len(self._segments)

    @property
    def stored_bytes(self) -> int:
        """Bytes of all objects, the open segments' included."""
        pieces: list[Piece] = [*self._segments.values(), *self._partials.values()]
        return sum(piece.stored_bytes for piece in pieces)

    def piece(self, timeline: int, number: int) -> Piece | None:
        """The closed segment at a place, else the open one, else nothing."""
        return self._segments.get((timeline, number)) or self._partials.get((timeline, number))

    def numbers(self, timeline: int) -> tuple[int, ...]:
        """The places on a timeline of which there is something, ascending."""
        return tuple(self._ordered.get(timeline, ()))

    def gaps(self, timeline: int) -> tuple[Gap, ...]:
        """Holes between the first and the last segment of one timeline. An open segment counts only as the last."""
        numbers = self._ordered.get(timeline, [])
        closed = [number for number in numbers if (timeline, number) in self._segments or number == numbers[-1]]
        return tuple(
            self._gap(timeline, before + 1, after - 1)
            for before, after in itertools.pairwise(closed)
            if after != before + 1
        )

    @property
    def places(self) -> Mapping[tuple[int, int], StoredSegment]:
        """The closed segments by timeline and place."""
        return self._segments

    def span(self, path: Iterable[Section], timeline: int, begin: Lsn) -> Span:
        """All WAL along ``path`` from the segment of ``begin`` on ``timeline`` to the first hole or the newest WAL.

        Raises ValueError when the timeline is not on the path.
        """
        sections = [section for section in path if section.timeline >= timeline]
        if not sections or sections[0].timeline != timeline:
            raise ValueError(f"timeline {timeline} is not on the path")
        return self._span(sections, begin)

    def stretches(self, path: Iterable[Section]) -> tuple[Span, ...]:
        """All WAL along ``path``, oldest first, cut where there are holes."""
        sections = list(path)
        numbers = sorted({number for section in sections for number in self._numbers_in(section)})
        found: list[Span] = []
        place = 0
        while place < len(numbers):
            span = self._span(sections, Lsn(numbers[place] * self.geometry.segment_bytes))
            found += [span] if span.pieces else []
            place += max(len(span.pieces), 1)
        return tuple(found)

    def _span(self, sections: list[Section], begin: Lsn) -> Span:
        size = self.geometry.segment_bytes
        pieces: list[Piece] = []
        end, newest = begin, None
        number = begin.position // size
        while True:
            piece, reach, whole = self._piece_on(sections, number)
            if piece is not None and reach > begin.position:
                pieces.append(piece)
                end = Lsn(reach)
                # The time of a piece that is followed only to a switch of timelines may be that of commits behind it.
                newest = (piece.server_closed_at if whole else None) or newest
            number += 1
            if reach < number * size:
                return Span(tuple(pieces), begin, end, newest, self._hole(sections, number - 1))

    def _piece_on(self, sections: list[Section], number: int) -> tuple[Piece | None, int, bool]:
        """What leads furthest through a segment, how far (0: nothing does), and whether all of its own WAL counts.

        On a switch of timelines both have the segment: the old one's counts up to the switch, and even when it is
        closed and the new one's still open it does not lead further.
        """
        size = self.geometry.segment_bytes
        begin, end = number * size, (number + 1) * size
        best: tuple[Piece | None, int, bool] = (None, 0, False)
        for section in reversed(sections):
            if section.begin.position >= end or (section.end is not None and section.end.position <= begin):
                continue
            piece = self.piece(section.timeline, number)
            if piece is None:
                continue
            own = begin + piece.valid_bytes if isinstance(piece, StoredPartial) else end
            reach = own if section.end is None else min(own, section.end.position)
            if reach > best[1]:
                best = (piece, reach, reach == own)
            if reach == end:
                break
        return best

    def _numbers_in(self, section: Section) -> list[int]:
        """The places of which a timeline has something, as far as it is part of the path."""
        size = self.geometry.segment_bytes
        numbers = self._ordered.get(section.timeline, [])
        first = bisect_left(numbers, section.begin.position // size)
        # A switch on a segment's very border leaves the old timeline no byte of the next one.
        last = len(numbers) if section.end is None else bisect_right(numbers, (section.end.position - 1) // size)
        return numbers[first:last]

    def _hole(self, sections: list[Section], number: int) -> Gap | None:
        """The hole that begins at ``number``; None where nothing comes after it: that is the end of the WAL."""
        newest = max((numbers[-1] for section in sections if (numbers := self._numbers_in(section))), default=number)
        if newest <= number:
            return None
        last = number
        while last + 1 < newest and self._piece_on(sections, last + 1)[0] is None:
            last += 1
        size = self.geometry.segment_bytes
        timeline = max(item.timeline for item in sections if item.begin.position < (number + 1) * size)
        return self._gap(timeline, number, last)

    def _gap(self, timeline: int, first: int, last: int) -> Gap:
        begin, end = first * self.geometry.segment_bytes, (last + 1) * self.geometry.segment_bytes
        reasons = [item.reason for item in self.breaks if item.begin.position < end and item.end.position > begin]
        return Gap(
            self.geometry.segment(timeline, first),
            self.geometry.segment(timeline, last),
            last - first + 1,
            "; ".join(dict.fromkeys(reasons)),
        )


def combined(holdings: Mapping[str, Iterable[WalBlock]]) -> WalHoldings:
    """What the stores hold together: a hole in one is filled by another."""
    return WalHoldings(block for blocks in holdings.values() for block in blocks)
