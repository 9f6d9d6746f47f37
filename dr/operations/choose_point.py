"""Decide a recovery to a point: timeline, base backup with its parents, WAL, and where exactly the target is."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from dr.catalog.labels import Label
from dr.catalog.lsn import Lsn
from dr.configuration.model import System
from dr.errors import BackupNotFound, KeyUnusable, TargetRefused, ToolError
from dr.operations.base_candidates import BaseCandidates
from dr.operations.repositories import open_repository
from dr.operations.wal.locate import searching
from dr.operations.wal.read_index import WalIndex, read_index
from dr.operations.wal.window import find_window
from dr.policy.recovery_chain import ChosenBase, Road, choose_base, choose_road, off_road, wal_behind
from dr.policy.recovery_point import Base, Located, RecoveryPoint
from dr.policy.recovery_reach import Reach, ambiguities, is_inside, needed, require_inside
from dr.policy.recovery_target import RecoveryTarget, TargetKind
from dr.policy.wal_coverage import Span

logger = logging.getLogger(__name__)

# Labels are by our clock, targets by the server's. Backups labelled this much behind the target are not even looked at.
CLOCKS_APART = timedelta(days=1)
SHOWN = 5
SEARCHED = 4096
"""Segments that are looked through for a transaction or a name."""


def choose_point(system: System, target: RecoveryTarget, backup: str = "") -> RecoveryPoint:
    """Everything that a recovery to ``target`` needs; ``backup`` is a label when only that one may be used.

    Raises ``TargetRefused`` with the recoverable window when the target lies outside (I6), ``BackupNotFound`` when no
    base backup leads there.
    """
    bases = BaseCandidates(open_repository(system), Label.from_path(backup) if backup else None)
    newest = next(bases.newest_first(), None)
    if newest is None:
        raise BackupNotFound(
            f"no store of {system.name} has a usable base backup",
            detail="; ".join(bases.notes),
            hint="Check the system's name and its stores (dr config show), or give the path of a backup file.",
        )
    try:
        return _decide(system, target, bases, newest)
    except TargetRefused as error:
        raise TargetRefused(error.message, "; ".join((error.detail, *_windows(system))), error.hint) from error


def _decide(system: System, target: RecoveryTarget, bases: BaseCandidates, newest: Base) -> RecoveryPoint:
    index = read_index(system)
    road = choose_road(target.timeline, index.holdings, index.ancestors, newest)
    site = _Site(system, index, road, bases)
    chosen, located = site.by_name(target) if target.kind is TargetKind.NAME else (site.choose(target), None)
    reach = Reach(chosen.base, site.wal_behind(chosen.base), later=chosen.later)
    if target.kind is TargetKind.XID and target.xid is not None:
        located = site.find_transaction(reach, target.xid)
    elif not is_inside(target, reach, located):
        reach = replace(reach, last_commit=site.last_commit(reach))
    require_inside(target, reach, located, road)
    return _point(target, site, chosen, reach, located)


def _windows(system: System) -> list[str]:
    """All that can be recovered, for whoever has asked for something else."""
    intervals = find_window(system).together.intervals
    return [
        f"timeline {item.timeline} is recoverable from {item.begin.astimezone(UTC):%Y-%m-%d %H:%M:%S} "
        f"to {item.end.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC (LSN {item.begin_lsn} to {item.end_lsn})"
        for item in intervals[-SHOWN:]
    ]


@dataclass(frozen=True, slots=True)
class _Site:
    """What the decision is taken from."""

    system: System
    index: WalIndex
    road: Road
    bases: BaseCandidates

    def wal_behind(self, base: Base) -> Span | None:
        return wal_behind(self.index.holdings, self.road, base)

    def choose(self, target: RecoveryTarget, end_before: Lsn | None = None) -> ChosenBase:
        """A base backup by its times; where the clocks are further apart than we think, any that fits."""
        before = self._made_before(target, end_before)
        bases, find = self.bases, self.bases.find
        try:
            return choose_base(bases.newest_first(before), self.road, target, find, end_before)
        except (TargetRefused, BackupNotFound):
            if before is None or bases.named is not None:
                raise
            return choose_base(bases.newest_first(), self.road, target, find, end_before)

    def _made_before(self, target: RecoveryTarget, end_before: Lsn | None) -> datetime | None:
        """By our clock: what was made later need not even be looked at. None when nothing is known of it."""
        if target.time is not None:
            return target.time + CLOCKS_APART
        lsn = target.lsn or end_before
        if lsn is None:
            return None
        number = lsn.position // self.index.holdings.geometry.segment_bytes
        pieces = (self.index.holdings.piece(section.timeline, number) for section in self.road.sections)
        return max((piece.stored_at for piece in pieces if piece is not None), default=None)

    def find_transaction(self, reach: Reach, xid: int) -> Located | None:
        pieces = reach.span.pieces if reach.span else ()
        with searching(self.system, self.index, reach.base.manifest.server_major) as search:
            found = search.transaction(pieces[:SEARCHED], xid)
        if found is None and len(pieces) > SEARCHED:
            raise _too_far(f"transaction {xid}", reach.base)
        return found

    def last_commit(self, reach: Reach) -> datetime | None:
        """None where it is not to be found, or the WAL cannot be read on this host."""
        if reach.span is None or not reach.span.pieces:
            return None
        try:
            with searching(self.system, self.index, reach.base.manifest.server_major) as search:
                return search.last_commit(reach.span.pieces)
        except (KeyUnusable, ToolError) as error:
            logger.warning("how late the last commit was cannot be seen on this host: %s", error.message)
            return None

    def by_name(self, target: RecoveryTarget) -> tuple[ChosenBase, Located | None]:
        """The newest restore point of the name, and the backup before it: one interval after the other, backwards."""
        geometry, searched, until = self.index.holdings.geometry, 0, None
        for base in self.bases.newest_first():
            end = base.manifest.end_lsn
            if end is None or off_road(base, self.road):
                continue
            span = self.wal_behind(base)
            pieces = span.pieces if span else ()
            if until is not None:
                pieces = tuple(piece for piece in pieces if geometry.begin(piece.segment) <= until)
            if searched + len(pieces) > SEARCHED:
                raise _too_far(str(target), base)
            with searching(self.system, self.index, base.manifest.server_major) as search:
                located = search.restore_point(pieces, target.name)
            if located is not None:
                return self.choose(target, end_before=located.lsn), located
            searched, until = searched + len(pieces), end
        return self.choose(target), None


def _too_far(what: str, base: Base) -> TargetRefused:
    return TargetRefused(
        f"{what} is not in the {SEARCHED} segments of WAL that were searched",
        detail=f"the search came to the WAL behind {base.label}",
        hint="Name the base backup before it (dr recover-db LABEL ...), or a time or an LSN instead.",
    )


def _point(
    target: RecoveryTarget, site: _Site, chosen: ChosenBase, reach: Reach, located: Located | None
) -> RecoveryPoint:
    index, span = site.index, reach.span
    pieces = needed(span, index.holdings.geometry, target, located) if span else ()
    copies, differing = index.with_copies(pieces)
    warnings = [*index.notes, *site.bases.notes, *site.road.notes, *chosen.notes, *differing]
    warnings += ambiguities(target, site.road, index.holdings)
    if located is not None and located.note:
        warnings.append(located.note)
    if span is not None and span.gap is not None and target.kind is TargetKind.LATEST:
        warnings.append(
            f"the WAL has a gap: {span.gap.count} segments from {span.gap.first} on are missing "
            f"({span.gap.reason or 'nobody has them'}); what was committed after it is lost"
        )
    known = reach.until if reach.last_commit or not pieces or (span and span.server_time) else None
    return RecoveryPoint(
        target=target,
        chain=chosen.chain,
        timeline=site.road.timeline,
        segment_bytes=index.holdings.geometry.segment_bytes,
        pieces=copies,
        histories=index.history_files,
        end=reach.end,
        newest=known,
        located=located,
        warnings=tuple(dict.fromkeys(warnings)),
    )
