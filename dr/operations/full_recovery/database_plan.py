"""Which backup the database comes from, and up to where it is replayed."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from dr.catalog.labels import Kind, Label
from dr.catalog.points import DatabasePosition
from dr.configuration.model import System
from dr.errors import BackupInvalid, BackupNotFound
from dr.operations import plan_recovery
from dr.operations.choose_point import choose_point
from dr.operations.find_backup import Found, find_backup
from dr.operations.full_recovery.places import data_directory
from dr.operations.full_recovery.wish import Database, Wish
from dr.operations.plan_recovery import Chosen
from dr.operations.repositories import open_repository
from dr.operations.target import DirectoryTarget
from dr.policy.full_plan import PlannedDatabase
from dr.policy.recovery_estimate import read_back_rates
from dr.policy.recovery_plan import RecoveryPlan
from dr.policy.recovery_point import RecoveryPoint
from dr.policy.recovery_target import RecoveryTarget, TargetKind

_NEWEST = "to the newest WAL: as little as possible is lost, and files may be of another minute (to the point: of one)"


def plan_database(system: System, wish: Wish, position: DatabasePosition | None) -> PlannedDatabase | None:
    """None when there is no backup of the database at all.

    Raises ``TargetRefused`` when the point's position cannot be reached any more, ``ToolError`` without PostgreSQL.
    """
    directory = data_directory(system)
    until, choice = _until(wish, position)
    try:
        point = choose_point(system, until)
        if wish.before is not None and until.kind is TargetKind.LATEST and _goes_beyond(point, wish.before):
            until = RecoveryTarget(TargetKind.TIME, time=wish.before)
            point, choice = choose_point(system, until), f"to {until}, as was asked for"
    except BackupNotFound:
        return _from_dump(system, wish, position)
    base = point.base
    # A place that is free in any case: what a run of ours left half-made in the real one is cleared when it is claimed.
    nowhere = directory.with_name(f".{directory.name}.planned")
    chosen = Chosen(Found(base.manifest, base.stores, notes=point.warnings), DirectoryTarget(nowhere), point)
    planned = plan_recovery.plan(system, chosen)
    return PlannedDatabase(
        label=base.manifest.label,
        taken=base.manifest.end,
        directory=str(directory),
        until=until,
        choice=choice,
        words=_words(planned),
        fetch_bytes=planned.fetch_bytes,
        seconds=planned.point.seconds if planned.point else None,
    )


def _until(wish: Wish, position: DatabasePosition | None) -> tuple[RecoveryTarget, str]:
    if wish.database is Database.NEWEST or position is None:
        return plan_recovery.NEWEST, _NEWEST
    if position.lsn is None:
        return plan_recovery.NEWEST, f"to the newest WAL, for the point does not know its position: {position.reason}"
    target = RecoveryTarget(TargetKind.LSN, lsn=position.lsn, timeline=position.timeline)
    return target, f"to {target}, the position of the recovery point: everything is of one moment"


def _goes_beyond(point: RecoveryPoint, moment: datetime) -> bool:
    return point.newest is None or point.newest > moment


def _words(planned: RecoveryPlan) -> tuple[str, ...]:
    lines = planned.lines()
    wanted = ("from", "until", "chain", "WAL", "takes", "loses", "warning")
    return tuple(line for line in lines if line.startswith(wanted))


def _from_dump(system: System, wish: Wish, position: DatabasePosition | None) -> PlannedDatabase | None:
    """A server of our own is made in the data directory, and the dump loaded into it."""
    found = _find_dump(system, wish, position)
    if found is None:
        return None
    manifest = found.manifest
    rate = read_back_rates(manifest).restore_bytes
    name = manifest.database.name if manifest.database else "the database"
    return PlannedDatabase(
        label=manifest.label,
        taken=manifest.begin,
        directory=str(data_directory(system)),
        until=None,
        choice=f"as {name} was when the dump was taken: no base backup leads further",
        words=(
            f"from      {', then '.join(found.stores)}",
            f"a new cluster of PostgreSQL {manifest.server_major} is made; its settings are the defaults",
            *(f"warning   {note}" for note in found.notes),
        ),
        fetch_bytes=manifest.stored_bytes,
        seconds=manifest.stored_bytes / rate if rate else None,
    )


def _find_dump(system: System, wish: Wish, position: DatabasePosition | None) -> Found | None:
    """The point's own, or the newest that is proven, or the newest; None only where there is no dump at all.

    Raises ``BackupInvalid`` when there are some and none is usable, ``BackupNotFound`` when all are too young.
    """
    notes: list[str] = []
    until = wish.before
    if position is not None and position.dump:
        try:
            return find_backup(system, position.dump, Kind.DUMP)
        except (BackupNotFound, BackupInvalid) as error:
            notes.append(f"{position.dump} is not used: {error.message}")
        if wish.database is Database.POINT:
            until = Label.parse(position.dump).created
    repository, chosen = open_repository(system), None
    for backup in repository.newest_first((Kind.DUMP,), until, notes):
        chosen = chosen or backup
        if backup.proven_level is not None:
            chosen = backup
            break
    if chosen is not None:
        found = find_backup(system, str(chosen.label), Kind.DUMP)
        return replace(found, notes=tuple(dict.fromkeys((*found.notes, *notes))))
    there = repository.names().all((Kind.DUMP,))
    if not there:
        return None
    hint = "Look at them (dr list, dr verify-backup), name another moment, or put another copy of them into a store."
    if all(until is not None and label.created > until for label in there):
        raise BackupNotFound(f"every dump of {system.name} was taken after {until:%Y-%m-%d %H:%M:%S} UTC", hint=hint)
    raise BackupInvalid(f"none of the {len(there)} dumps of {system.name} can be used", "; ".join(notes), hint)
