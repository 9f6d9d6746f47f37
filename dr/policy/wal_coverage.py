"""Which WAL there is without a hole, from the index alone. Pure.

A recovery needs every segment from where its base backup began. Along a path over several timelines the segment in
which the switch happened exists on both: the new timeline's holds the same bytes up to the switch.
"""

from __future__ import annotations

import itertools
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
            geometry = block.geometry
            for item in block.segments:
                self._segments.setdefault((block.timeline, geometry.number(item.segment)), item)
            if block.partial is not None:
                place = (block.timeline, geometry.number(block.partial.segment))
                known = self._partials.get(place)
                if known is None or known.valid_bytes < block.partial.valid_bytes:
                    self._partials[place] = block.partial
            self.breaks += [item for item in block.breaks if item not in self.breaks]
        if len(sizes) > 1:
            raise ValueError(f"one cluster has one size of WAL segments, the index speaks of {sorted(sizes)}")
        self.geometry = WalGeometry(sizes.pop()) if sizes else WalGeometry()
        self._ordered: dict[int, list[int]] = {}
        for timeline, number in sorted(set(self._segments) | set(self._partials)):
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

    def span(self, path: Iterable[Section], timeline: int, begin: Lsn) -> Span:
        """All WAL along ``path`` from the segment of ``begin`` on ``timeline`` to the first hole or the newest WAL.

        Raises ValueError when the timeline is not on the path.
        """
        sections = [section for section in path if section.timeline >= timeline]
        if not sections or sections[0].timeline != timeline:
            raise ValueError(f"timeline {timeline} is not on the path")
        size = self.geometry.segment_bytes
        pieces: list[Piece] = []
        end, newest = begin, None
        number = begin.position // size
        while True:
            piece = self._piece_on(sections, number)
            if piece is None:
                return Span(tuple(pieces), begin, end, newest, self._hole(sections, number))
            pieces.append(piece)
            newest = piece.server_closed_at or newest
            if isinstance(piece, StoredPartial):
                end = Lsn(number * size + piece.valid_bytes)
                return Span(tuple(pieces), begin, end, newest, self._hole(sections, number))
            number += 1
            end = Lsn(number * size)

    def _piece_on(self, sections: list[Section], number: int) -> Piece | None:
        """The newest timeline's own copy first, as PostgreSQL looks for it; a closed segment before an open one."""
        size = self.geometry.segment_bytes
        candidates = [
            section.timeline
            for section in reversed(sections)
            if section.begin.position // size <= number
            and (section.end is None or number <= section.end.position // size)
        ]
        for timeline in candidates:
            found = self._segments.get((timeline, number))
            if found is not None:
                return found
        for timeline in candidates:
            partial = self._partials.get((timeline, number))
            if partial is not None:
                return partial
        return None

    def _hole(self, sections: list[Section], number: int) -> Gap | None:
        """The hole that begins at ``number``; None where nothing comes after it: that is the end of the WAL."""
        known = [self._ordered[item.timeline][-1] for item in sections if item.timeline in self._ordered]
        newest = max(known, default=number)
        if newest <= number:
            return None
        last = number
        while last + 1 < newest and self._piece_on(sections, last + 1) is None:
            last += 1
        return self._gap(sections[0].timeline, number, last)

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
