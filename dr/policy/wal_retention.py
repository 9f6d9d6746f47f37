"""Which WAL of a store may go: whole log files that no kept base backup needs, on any timeline (I16). Pure.

A recovery replays WAL from where its base backup began, and along every path the positions only rise, from one timeline
to the next as well. So whatever lies before the lowest beginning of all kept base backups is on no path from any of
them, whatever timelines there are and whether or not their histories are known.

Only whole log files (4 GiB, one record of the index) go, and never the newest of a timeline, which is the one the
receiver writes to. So an expiry and the receiver never change the same record, and need not wait for each other; what
it costs is at most 4 GiB of WAL per timeline that stays longer than it must.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from dr.catalog.lsn import Lsn
from dr.catalog.timelines import Section, path_to
from dr.catalog.wal_index import Ancestor
from dr.catalog.wal_names import LOG_BYTES
from dr.policy.wal_coverage import Span, WalHoldings


@dataclass(frozen=True, slots=True, order=True)
class LogFile:
    """4 GiB of WAL on one timeline."""

    timeline: int
    log: int

    @property
    def end(self) -> Lsn:
        """The first byte after it."""
        return Lsn((self.log + 1) * LOG_BYTES)

    def __str__(self) -> str:
        return f"{self.timeline:08X}{self.log:08X}"


@dataclass(frozen=True, slots=True)
class KeptBase:
    """A base backup that stays, and where the WAL it needs begins; None when its manifest does not say."""

    label: str
    timeline: int | None
    begin: Lsn | None


@dataclass(frozen=True, slots=True)
class WalPlan:
    """The log files that go, oldest first, how many stay, and why."""

    going: tuple[LogFile, ...]
    staying: int
    reason: str


def plan_wal_expiry(kept: Iterable[KeptBase], files: Iterable[LogFile]) -> WalPlan:
    """Decide on each log file of a store by the base backups that stay in that store."""
    there = sorted(set(files))
    bases = list(kept)
    if not bases:
        return WalPlan((), len(there), "there is no base backup in this store: all WAL stays")
    silent = [base.label for base in bases if base.begin is None or base.timeline is None]
    if silent:
        return WalPlan((), len(there), f"{silent[0]} does not say which WAL it needs: all WAL stays")
    begin, label = min((base.begin.position, base.label) for base in bases if base.begin is not None)
    newest = {item.timeline: item for item in there}
    going = tuple(item for item in there if item.end.position <= begin and item != newest[item.timeline])
    reason = f"{label}, the base backup that needs the oldest WAL, begins at {Lsn(begin)}"
    return WalPlan(going, len(there) - len(going), reason)


Reaches: TypeAlias = Mapping[tuple[str, int], Lsn]
"""How far each base backup can be recovered without a hole, by its label and the timeline that is followed."""


def reaches(holdings: WalHoldings, histories: Mapping[int, tuple[Ancestor, ...]], kept: Iterable[KeptBase]) -> Reaches:
    """The window of a store, base backup by base backup and timeline by timeline."""
    bases = list(kept)
    found: dict[tuple[str, int], Lsn] = {}
    for timeline in sorted({1, *holdings.timelines, *histories}):
        try:
            path = path_to(timeline, histories)
        except KeyError:
            path = (Section(timeline, Lsn(0), None),)
        stretches = holdings.stretches(path)
        for base in bases:
            if base.timeline is not None and base.begin is not None and _is_on(path, base.timeline, base.begin):
                found[base.label, timeline] = _reach(stretches, base.begin)
    return found


def _reach(stretches: tuple[Span, ...], begin: Lsn) -> Lsn:
    """The end of the stretch of WAL that ``begin`` lies in; itself when it lies in none."""
    return next((item.end for item in stretches if item.begin <= begin < item.end), begin)


def _is_on(path: tuple[Section, ...], timeline: int, begin: Lsn) -> bool:
    return any(
        section.timeline == timeline and section.begin <= begin and (section.end is None or begin < section.end)
        for section in path
    )


def shrunk(before: Reaches, after: Reaches) -> tuple[str, ...]:
    """What could be recovered before and cannot be any more, in words; the receiver may have added to it meanwhile."""
    return tuple(
        f"{label} along timeline {timeline} to {end}, now to {after.get((label, timeline), 'nowhere')}"
        for (label, timeline), end in before.items()
        if (label, timeline) not in after or after[label, timeline] < end
    )
