"""Whether a target lies inside the WAL there is, how much of that WAL it takes, and whether it means two things. Pure.

The index tells by which moment all commits are inside; how late the last commit really is only the WAL itself tells.
Times are by the server's clock throughout: a clock that is ahead is ahead in the target too.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from dr.catalog.lsn import Lsn
from dr.catalog.timelines import Section
from dr.catalog.wal_names import WalGeometry
from dr.errors import TargetRefused
from dr.policy.recovery_chain import Road
from dr.policy.recovery_point import Base, Located
from dr.policy.recovery_target import RecoveryTarget, TargetKind
from dr.policy.wal_coverage import Piece, Span, WalHoldings

MARGIN = timedelta(minutes=2)
"""A commit's time is taken a little before it is written: WAL is fetched to this much behind a target time."""


@dataclass(frozen=True, slots=True)
class Reach:
    """How far a recovery can go: a base backup, the WAL behind it, and, if asked, the time of its last commit."""

    base: Base
    span: Span | None
    last_commit: datetime | None = None
    later: Base | None = None

    @property
    def end(self) -> Lsn | None:
        return self.span.end if self.span and self.span.pieces else self.base.manifest.end_lsn

    @property
    def until(self) -> datetime:
        """All that was committed by then is inside."""
        noted = self.span.server_time if self.span else None
        return max(item for item in (self.base.ended, noted, self.last_commit) if item is not None)


def is_inside(target: RecoveryTarget, reach: Reach, located: Located | None) -> bool:
    """Whether the target can be reached, as far as ``reach`` tells."""
    match target.kind:
        case TargetKind.TIME:
            return target.time is not None and target.time <= reach.until
        case TargetKind.LSN:
            return target.lsn is not None and reach.end is not None and target.lsn <= reach.end
        case TargetKind.XID | TargetKind.NAME:
            return located is not None
    return True


def require_inside(target: RecoveryTarget, reach: Reach, located: Located | None, road: Road) -> None:
    """Raise ``TargetRefused`` with the recoverable window when the target lies behind it, or in a gap (I6)."""
    if is_inside(target, reach, located):
        return
    base, gap = reach.base, reach.span.gap if reach.span else None
    window = (
        f"from {base.label} on, recoverable is from {_time(base.ended)} (LSN {base.manifest.end_lsn}) "
        f"to {_time(reach.until)} (LSN {reach.end})"
    )
    if reach.later is not None:
        window += f", and again from {_time(reach.later.ended)} (end of {reach.later.label})"
    if target.kind in (TargetKind.XID, TargetKind.NAME):
        raise TargetRefused(
            f"{target} is not in the WAL of timeline {road.timeline}",
            detail=window,
            hint="See that it is spelt rightly and was committed; dr window shows what can be recovered.",
        )
    if gap is not None:
        because = f" ({gap.reason})" if gap.reason else ""
        raise TargetRefused(
            f"{target} lies behind a gap in the WAL: {gap.count} segments from {gap.first} to {gap.last} are missing"
            + because,
            detail=window,
            hint="Name a target inside the window, or bring the missing segments in if another place has them.",
        )
    raise TargetRefused(
        f"{target} lies after the last WAL of timeline {road.timeline}",
        detail=window,
        hint="Leave the target out to recover to the newest WAL; if the server still runs, ship its WAL first.",
    )


def needed(span: Span, geometry: WalGeometry, target: RecoveryTarget, located: Located | None) -> tuple[Piece, ...]:
    """The pieces that a recovery to the target may touch; what is newer is not fetched."""
    if target.kind is TargetKind.IMMEDIATE:
        return ()
    if target.time is not None:
        limit = target.time + MARGIN
        for place, piece in enumerate(span.pieces):
            if piece.server_closed_at is not None and piece.server_closed_at >= limit:
                return span.pieces[: place + 1]
        return span.pieces
    stop = target.lsn or (located.lsn if located else None)
    if stop is None:
        return span.pieces
    # The record at the target may reach into the next segment, or be the first of it.
    last = stop.position // geometry.segment_bytes + 1
    return tuple(piece for piece in span.pieces if geometry.number(piece.segment) <= last)


def ambiguities(target: RecoveryTarget, road: Road, holdings: WalHoldings) -> tuple[str, ...]:
    """Timelines that are not followed and yet have WAL of just that time or LSN: after an earlier recovery both do."""
    found = []
    for timeline in holdings.timelines:
        branch = _branch(road, holdings, timeline)
        if branch is None:
            continue
        numbers = [number for number in holdings.numbers(timeline) if number >= branch]
        if numbers and _has(target, holdings, timeline, numbers):
            found.append(
                f"at {target} there was WAL on timeline {timeline} too, which is not part of timeline {road.timeline}; "
                f"if that is meant, add --timeline {timeline}"
            )
    return tuple(found)


def _branch(road: Road, holdings: WalHoldings, timeline: int) -> int | None:
    """The segment from which on a timeline is not followed; None when it is followed to its end."""
    size = holdings.geometry.segment_bytes
    section = road.section(timeline)
    if section is not None:
        return None if section.end is None else section.end.position // size
    shared = [item for item in road.sections if item.timeline < timeline and item.end is not None]
    return _last(shared) // size if shared else 0


def _last(sections: list[Section]) -> int:
    return max(item.end.position for item in sections if item.end is not None)


def _has(target: RecoveryTarget, holdings: WalHoldings, timeline: int, numbers: list[int]) -> bool:
    size = holdings.geometry.segment_bytes
    if target.lsn is not None:
        return numbers[0] * size < target.lsn.position < (numbers[-1] + 1) * size
    if target.time is None:
        return False
    pieces = [holdings.piece(timeline, number) for number in numbers]
    times = [piece.server_closed_at for piece in pieces if piece is not None and piece.server_closed_at is not None]
    before = holdings.piece(timeline, numbers[0] - 1)
    begin = before.server_closed_at if before is not None else None
    return bool(times) and target.time <= max(times) and (begin is None or begin <= target.time)


def _time(value: datetime) -> str:
    return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f} UTC"
