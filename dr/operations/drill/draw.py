"""Decide what a drill restores: which method, which backup, up to which second, from which stores."""

from __future__ import annotations

import random
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice

from dr.catalog.labels import Kind
from dr.catalog.manifest import Manifest
from dr.configuration.model import System
from dr.errors import BackupNotFound, ConfigurationError, TargetRefused
from dr.operations.choose_point import choose_point
from dr.operations.drill.place import new_place
from dr.operations.find_backup import Found, find_backup
from dr.operations.plan_recovery import Chosen
from dr.operations.repositories import open_repository
from dr.operations.target import DirectoryTarget
from dr.operations.wal.window import find_window
from dr.policy.drill_draw import DrillRequest, draw_moment, parse_drill_target
from dr.policy.drill_method import Method
from dr.policy.recovery_point import RecoveryPoint
from dr.policy.recovery_target import RecoveryTarget, TargetKind
from dr.policy.wal_window import Window

_DUMPS_LOOKED_AT = 10


@dataclass(frozen=True, slots=True)
class Drawn:
    """A drill, decided. ``asked`` is the target in words; ``against`` the dump that a reconciliation compares with.

    ``newest`` is the last moment that could be recovered when it was drawn; None when nothing tells. ``broken`` says
    what is wrong with the WAL behind the newest base backup.
    """

    request: DrillRequest
    seed: int
    chosen: Chosen
    asked: str
    newest: datetime | None
    against: Manifest | None = None
    broken: str = ""

    @property
    def manifest(self) -> Manifest:
        return self.chosen.found.manifest

    @property
    def chain(self) -> tuple[Found, ...]:
        """All backups that are restored, the oldest first."""
        point = self.chosen.point
        if point is None:
            return (self.chosen.found,)
        return tuple(Found(base.manifest, base.stores) for base in point.chain)


def limited_to(system: System, stores: tuple[str, ...]) -> System:
    """The system with these stores alone. Raises ConfigurationError for one that it has not."""
    if not stores:
        return system
    unknown = sorted(set(stores) - {item.name for item in system.stores})
    if unknown:
        raise ConfigurationError(
            f"{system.name} has no store {', '.join(unknown)}",
            hint=f"It has {', '.join(item.name for item in system.stores)}.",
        )
    return replace(system, stores=tuple(item for item in system.stores if item.name in stores))


def stores_elsewhere(system: System) -> tuple[str, ...]:
    """Stores in another region than the first bucket's: what a data-centre outage leaves."""
    remote = [item for item in system.stores if item.kind == "s3"]
    home = remote[0].region if remote else None
    return tuple(item.name for item in remote if item.region != home)


def draw(system: System, request: DrillRequest) -> Drawn:
    """Choose by the seed. Raises ``BackupNotFound`` when there is nothing, ``TargetRefused`` for a target outside."""
    seed = request.seed or secrets.randbelow(2**31 - 1) + 1
    lot = random.Random(seed)  # noqa: S311 - a lot, not a secret
    limited = limited_to(system, request.stores)
    if request.method is Method.LOGICAL:
        return _draw_dump(limited, request, seed)
    if request.method is Method.RECONCILE:
        return _draw_pair(limited, request, seed)
    return _draw_point(limited, request, seed, lot)


def _draw_dump(system: System, request: DrillRequest, seed: int) -> Drawn:
    found = find_backup(system, request.backup, Kind.DUMP)
    if found.manifest.kind is not Kind.DUMP:
        raise ConfigurationError(
            f"{found.manifest.label} is no dump", hint="Name a dump, or drill it with the method physical."
        )
    chosen = Chosen(found, DirectoryTarget(new_place(system)))
    return Drawn(request, seed, chosen, f"the dump of {found.manifest.begin:%Y-%m-%d %H:%M:%S} UTC", None)


def _draw_point(system: System, request: DrillRequest, seed: int, lot: random.Random) -> Drawn:
    window = find_window(system).together
    target = parse_drill_target(request)
    if target is None:
        target = _any_moment(system, window, request, lot)
    point = choose_point(system, target, request.backup)
    return Drawn(request, seed, _into(system, point), str(target), window.newest, broken=_broken(window))


def _any_moment(system: System, window: Window, request: DrillRequest, lot: random.Random) -> RecoveryTarget:
    """A second of the window; where there is no WAL, the end of the newest base backup."""
    intervals = [item for item in window.intervals if not request.timeline or str(item.timeline) == request.timeline]
    since = None
    if request.backup:
        manifest = find_backup(system, request.backup, Kind.BASE).manifest
        since = manifest.server_end or manifest.end
    try:
        return draw_moment(intervals, lot, since=since)
    except ValueError:
        return RecoveryTarget(TargetKind.IMMEDIATE)


def _broken(window: Window) -> str:
    """Why what is committed now, or was a moment ago, cannot be recovered; empty when it can."""
    gap = window.current.gap if window.current else None
    if gap is None:
        return window.broken
    return f"{gap.count} WAL segments from {gap.first} to {gap.last} are in no store, {gap.reason or 'nobody says why'}"


def _draw_pair(system: System, request: DrillRequest, seed: int) -> Drawn:
    """The newest dump whose snapshot a base backup and the WAL behind it lead to."""
    refused: list[str] = []
    for dump in _dumps(system, request.backup):
        snapshot = dump.snapshot
        if snapshot is None:
            refused.append(f"{dump.label} does not say at which snapshot it was taken")
            continue
        target = RecoveryTarget(TargetKind.LSN, lsn=snapshot.lsn, inclusive=False, timeline=snapshot.timeline)
        try:
            point = choose_point(system, target)
        except (TargetRefused, BackupNotFound) as error:
            refused.append(f"{dump.label}: {error.message}")
            continue
        asked = f"the snapshot of {dump.label} ({target})"
        window = find_window(system).together
        return Drawn(request, seed, _into(system, point), asked, window.newest, dump, _broken(window))
    raise TargetRefused(
        f"no dump of {system.name} lies where base backups and WAL lead to",
        detail="; ".join(refused) or "there is no dump",
        hint="Nothing is wrong with the backups for that: a dump older than the oldest base backup cannot be compared. "
        "After the next daily backup there is one.",
    )


def _dumps(system: System, label: str) -> Iterator[Manifest]:
    """The one asked for, or the newest few."""
    if label:
        yield find_backup(system, label, Kind.DUMP).manifest
        return
    for backup in islice(open_repository(system).newest_first([Kind.DUMP]), _DUMPS_LOOKED_AT):
        yield backup.manifest


def _into(system: System, point: RecoveryPoint) -> Chosen:
    base = point.base
    found = Found(base.manifest, base.stores, notes=point.warnings)
    return Chosen(found, DirectoryTarget(new_place(system)), point)
