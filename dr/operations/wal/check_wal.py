"""Is all WAL there? Every timeline of every store: holes, histories, what one store lacks, and whether it is usable."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from dr.configuration.model import System
from dr.operations.wal.known_holes import new_holes
from dr.operations.wal.window import StoreWindow, SystemWindow, find_window
from dr.policy.wal_coverage import Gap

_ON_ITS_WAY = timedelta(minutes=2)
_SETTLE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class StoreRow:
    """One store in a line; ``oldest`` and ``newest`` are the moments it alone can be recovered to, in words."""

    store: str
    newest_wal: str
    segments: int
    stored_bytes: int
    gaps: int
    lacking: int
    oldest: str
    newest: str


@dataclass(frozen=True, slots=True)
class WalCheck:
    """``problems`` fail the run, ``notes`` were told before. ``broken``: only a new base backup helps (I18).

    ``holes`` are all of them, in words. All commits up to ``newest``, by the server's clock, can be recovered.
    """

    rows: tuple[StoreRow, ...]
    problems: tuple[str, ...]
    notes: tuple[str, ...]
    broken: str
    holes: tuple[str, ...] = ()
    newest: datetime | None = None


def check_wal(system: System) -> WalCheck:
    """Read the whole index. Raises the first StoreError when no store answers."""
    found = find_window(system)
    if new_holes(system, map(_words, _harmful(found))):
        # Record by record, it was read while somebody wrote: what is a hole still is one when it is read again.
        time.sleep(_SETTLE_SECONDS)
        found = find_window(system)
    holes = tuple(map(_words, _harmful(found)))
    fresh = new_holes(system, holes)
    problems = [f"store {name} does not answer: {why}" for name, why in found.silent]
    problems += (*found.unreadable, *found.disagreements, *fresh)
    problems += _lacking(found, datetime.now(UTC))
    problems += [
        f"{item.store} has no history file of timeline {timeline}: no recovery crosses over to it"
        for item in found.stores
        for timeline in item.window.lost_histories
    ]
    current = found.together.current
    return WalCheck(
        rows=tuple(map(_row, found.stores)),
        problems=tuple(problems),
        notes=tuple(hole for hole in holes if hole not in fresh),
        broken=found.together.broken,
        holes=holes,
        newest=current.end if current is not None and not found.together.broken else None,
    )


def _lacking(found: SystemWindow, now: datetime) -> list[str]:
    """Stores that stay behind. What another store got in the last minutes is still on its way."""
    return [
        f"{item.store} lacks {item.lacking} segments that another store has"
        for item in found.stores
        if item.lacking_since is not None and now - item.lacking_since > _ON_ITS_WAY
    ]


def _row(item: StoreWindow) -> StoreRow:
    one = item.window
    return StoreRow(
        store=item.store,
        newest_wal=item.newest,
        segments=one.segments,
        stored_bytes=one.stored_bytes,
        gaps=len(one.holes),
        lacking=item.lacking,
        oldest=f"{one.oldest:%Y-%m-%d %H:%M:%S} UTC" if one.oldest else "",
        newest=f"{one.newest:%Y-%m-%d %H:%M:%S} UTC" if one.newest else "",
    )


def _harmful(found: SystemWindow) -> tuple[Gap, ...]:
    """Holes that no store fills, and behind some base backup: moments are lost by them."""
    return tuple(dict.fromkeys(item.gap for item in found.together.intervals if item.gap is not None))


def _words(gap: Gap) -> str:
    why = gap.reason or "nobody noted why"
    return f"{gap.count} WAL segments from {gap.first} to {gap.last} are in no store: {why}"
