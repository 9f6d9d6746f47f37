"""Which timeline, which base backup with which parents, and which WAL lead to a recovery target. Pure.

Base backups are taken from an iterator, newest first, and no further than needed: of thousands only a handful of
manifests is read. Every refusal says what can be recovered instead (I6).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from dr.catalog.lsn import Lsn
from dr.catalog.timelines import Section, path_to
from dr.catalog.wal_index import Ancestor
from dr.errors import BackupNotFound, TargetRefused
from dr.policy.recovery_point import Base
from dr.policy.recovery_target import RecoveryTarget
from dr.policy.wal_coverage import Span, WalHoldings

_REASONS_SHOWN = 5
_NEVER_PROVEN = 10
"""After this many backups that nobody has ever read back no proven one is looked for: none is proven here."""


@dataclass(frozen=True, slots=True)
class Road:
    """The timeline a recovery follows and the sections of WAL that lead to it; ``notes`` say what is left aside."""

    timeline: int
    sections: tuple[Section, ...]
    notes: tuple[str, ...] = ()

    def section(self, timeline: int) -> Section | None:
        return next((item for item in self.sections if item.timeline == timeline), None)


@dataclass(frozen=True, slots=True)
class ChosenBase:
    """The chain to restore, oldest first. ``later`` is the oldest backup that is only consistent after the target."""

    chain: tuple[Base, ...]
    later: Base | None
    notes: tuple[str, ...]

    @property
    def base(self) -> Base:
        return self.chain[-1]


def choose_road(
    wanted: int | None,
    holdings: WalHoldings,
    histories: Mapping[int, tuple[Ancestor, ...]],
    newest: Base | None,
) -> Road:
    """The wanted timeline, or else the newest one that has WAL or the newest backup and whose history is known.

    A timeline whose history nobody has can still be followed from a backup that was made on it.
    """
    with_base = {newest.timeline} if newest else set()
    known = set(holdings.timelines) | with_base
    if wanted is not None:
        if wanted not in known | set(histories) and wanted != 1:
            raise TargetRefused(
                f"there is no timeline {wanted}",
                detail=f"known are: {', '.join(map(str, sorted(known | set(histories)))) or 'none'}",
                hint="Leave --timeline out for the newest, or name one of these.",
            )
        return _road(wanted, histories)
    notes: list[str] = []
    for timeline in sorted(known, reverse=True):
        if timeline == 1 or timeline in histories or timeline in with_base:
            road = _road(timeline, histories)
            return Road(timeline, road.sections, (*notes, *road.notes))
        notes.append(
            f"timeline {timeline} is left aside: its history file is not stored, so nothing leads to it; "
            f"what was committed on it is lost"
        )
    return Road(1, path_to(1, {}), tuple(notes))


def _road(timeline: int, histories: Mapping[int, tuple[Ancestor, ...]]) -> Road:
    try:
        return Road(timeline, path_to(timeline, histories))
    except KeyError:
        note = f"the history file of timeline {timeline} is not stored: only backups made on it lead to it"
        return Road(timeline, (Section(timeline, Lsn(0), None),), (note,))


def choose_base(
    bases: Iterable[Base],
    road: Road,
    target: RecoveryTarget,
    find: Callable[[str], Base | None],
    before: Lsn | None = None,
) -> ChosenBase:
    """The newest backup that is consistent before the target, proven if there is a proven one, with its parents.

    ``before``: it has to end by this LSN (where a named target was found). Raises ``TargetRefused`` when all backups
    are later than the target, ``BackupNotFound`` when there is none at all.
    """
    notes: list[str] = []
    later: Base | None = None
    fallback: ChosenBase | None = None
    unproven: list[str] = []
    never = 0
    for base in bases:
        if reason := off_road(base, road):
            notes.append(f"{base.label} is passed over: {reason}")
            continue
        if _after(base, target, before):
            later = base
            continue
        chain = _with_parents(base, find)
        if isinstance(chain, str):
            notes.append(f"{base.label} is passed over: {chain}")
        elif base.manifest.proven_level() is None:
            fallback = fallback or ChosenBase(chain, later, tuple(notes))
            unproven.append(base.label)
            never += not base.manifest.verifications
            if never > _NEVER_PROVEN:
                break
        else:
            notes += [f"{label} is newer, but not proven, and was passed over" for label in unproven]
            return ChosenBase(chain, later, tuple(notes))
    if fallback is not None:
        return fallback
    raise _nothing(road, target, later, tuple(notes))


def off_road(base: Base, road: Road) -> str:
    """Why a backup does not lead along the road; empty when it does."""
    section = road.section(base.timeline)
    if section is None:
        return f"it is of timeline {base.timeline}, which does not lead to timeline {road.timeline}"
    end = base.manifest.end_lsn
    if section.end is not None and end is not None and end > section.end:
        return f"it ended at {end}, after timeline {road.timeline} branched off at {section.end}"
    return ""


def _after(base: Base, target: RecoveryTarget, before: Lsn | None) -> bool:
    """Whether the backup is only consistent when the target has passed already."""
    manifest = base.manifest
    if before is not None and (manifest.end_lsn is None or manifest.end_lsn > before):
        return True
    if target.time is not None:
        return base.ended > target.time
    if target.lsn is not None:
        return manifest.end_lsn is None or manifest.end_lsn > target.lsn
    if target.xid is not None:
        # Whatever began before the backup ended may be committed in it already.
        return manifest.next_xid is None or manifest.next_xid > target.xid
    return False


def _with_parents(base: Base, find: Callable[[str], Base | None]) -> tuple[Base, ...] | str:
    """The chain, or why there is none."""
    chain = [base]
    while (parent := chain[0].manifest.parent) is not None:
        found = find(parent)
        if found is None:
            return f"{parent}, on which it builds, is missing or cannot be read"
        if found.manifest.verifications and found.manifest.proven_level() is None:
            return f"{parent}, on which it builds, was read back and is damaged"
        if any(item.label == found.label for item in chain):
            return f"{parent} and it name each other as parents"
        chain.insert(0, found)
    return tuple(chain)


def _nothing(road: Road, target: RecoveryTarget, later: Base | None, notes: tuple[str, ...]) -> Exception:
    detail = "; ".join(notes[:_REASONS_SHOWN])
    if later is None:
        return BackupNotFound(
            f"no base backup leads to {target} on timeline {road.timeline}",
            detail=detail or "there is none",
            hint="dr list shows the backups, dr window what can be recovered; --timeline N names another timeline.",
        )
    manifest = later.manifest
    first = f"{later.ended:%Y-%m-%d %H:%M:%S.%f} UTC, LSN {manifest.end_lsn}, transaction {manifest.next_xid}"
    return TargetRefused(
        f"{target} lies before the first consistent point of timeline {road.timeline}",
        detail="; ".join((f"recoverable is from {first} on (end of {later.label})", *notes[:_REASONS_SHOWN])),
        hint="Name a later target, or look for an older backup (dr window; other stores; a dump).",
    )


def wal_behind(holdings: WalHoldings, road: Road, base: Base) -> Span | None:
    """The WAL behind a backup, which carries its own up to its end; None when there is none."""
    end = base.manifest.end_lsn
    if end is None:
        return None
    span = holdings.span(road.sections, base.timeline, end)
    if span.pieces:
        return span
    # A primary closes the segment when a backup ends, and the backup carries it: the next one may be the first stored.
    size = holdings.geometry.segment_bytes
    section = road.section(base.timeline)
    following = Lsn((end.position // size + 1) * size)
    if section is None or (section.end is not None and following > section.end):
        return span
    after = holdings.span(road.sections, base.timeline, following)
    return after if after.pieces else span
