"""Draw up a full recovery: which point, what belongs to it, where each goes, and what is in the way. Writes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from dr.catalog.labels import Kind, Label
from dr.catalog.manifest import Manifest
from dr.catalog.points import DatabasePosition
from dr.components import registry
from dr.configuration.model import System
from dr.errors import BackupNotFound, DrError, TargetRefused
from dr.operations.find_backup import Found, find_backup
from dr.operations.full_recovery.database_plan import plan_database
from dr.operations.full_recovery.destinations import destination
from dr.operations.full_recovery.kept import made_before
from dr.operations.full_recovery.kinds import BY_KIND, PART_KINDS
from dr.operations.full_recovery.own import in_the_way, is_free
from dr.operations.full_recovery.places import belonging_to, data_directory, upload_places
from dr.operations.full_recovery.surroundings import lacking, order
from dr.operations.full_recovery.wish import Wish
from dr.operations.point.find import FoundPoint, find_point, points
from dr.operations.repositories import open_repository
from dr.policy.full_plan import FullPlan, PlannedPart
from dr.policy.recovery_estimate import read_back_rates

_UNPROVEN = (
    "nothing says that these copies are whole (proofs are by the stores' names: are they named here as before?);"
    " each is checked as it is read"
)


@dataclass(frozen=True, slots=True)
class _Chosen:
    """What is recovered: a point's backups, or the newest of each kind where there is no point."""

    point: FoundPoint | None
    database: DatabasePosition | None
    members: tuple[Found, ...]
    notes: tuple[str, ...]


def draw_up(system: System, wish: Wish) -> FullPlan:
    """The plan; of an exercise, whose ``system`` is the one that ``in_exercise`` gives.

    Raises ``BackupNotFound`` when nothing answers to the wish, ``TargetRefused`` for a place that is taken.
    """
    chosen = _choose(system, wish)
    _refuse_taken(system, chosen)
    database = plan_database(system, wish, chosen.database)
    parts = tuple(_part(system, found) for found in chosen.members)
    if database is None and not parts:
        raise BackupNotFound(
            f"{system.name} has no backup that could be recovered",
            hint="Check the system's name and its stores (dr config show), and --without.",
        )
    contents = chosen.point.contents if chosen.point else None
    return FullPlan(
        system=system.name,
        point=chosen.point.manifest.label if chosen.point else "",
        taken=chosen.point.manifest.begin if chosen.point else None,
        statement=chosen.point.consistency.statement if chosen.point else "",
        database=database,
        parts=parts,
        order=order(system, database, parts, exercise=wish.exercise),
        missing=tuple(dict.fromkeys((*_absent(wish, chosen, database is not None), *lacking(system, database, parts)))),
        warnings=(
            *chosen.notes,
            *(contents.notes if contents else ()),
            *(chosen.point.consistency.problems if chosen.point else ()),
            *((f"the point lacks {chosen.point.lack}",) if chosen.point and chosen.point.lack else ()),
            *(made_before(system, wish) if any(part.makes_machines for part in parts) else ()),
        ),
        exercise=wish.exercise,
    )


def _choose(system: System, wish: Wish) -> _Chosen:
    notes: list[str] = []
    try:
        point = find_point(system, wish.point, wish.before)
    except BackupNotFound as error:
        if wish.point:
            raise
        unproven = next((found for found in points(system, wish.before) if not found.gone), None)
        if unproven is None:
            return _without_point(system, wish, error)
        point = unproven
        notes.append(f"{_UNPROVEN}. {error.detail}")
    labels = [member.label for member in point.contents.members if str(member.kind) not in wish.without]
    members = tuple(_found(system, labels, notes))
    return _Chosen(point, point.contents.database, members, tuple(notes))


def _found(system: System, labels: Iterable[str], notes: list[str]) -> Iterator[Found]:
    for label in labels:
        try:
            yield find_backup(system, label, None)
        except DrError as error:
            notes.append(f"{label} is left out: {error.message}")


def _without_point(system: System, wish: Wish, error: BackupNotFound) -> _Chosen:
    """Better the newest of each kind than nothing: a system that has never had its parts tied together."""
    repository = open_repository(system)
    kinds = [row.kind for row in PART_KINDS if str(row.kind) not in wish.without]
    newest: dict[tuple[Kind, str], Label] = {}
    proven: dict[tuple[Kind, str], Label] = {}
    for backup in repository.newest_first(kinds, wish.before):
        key, label = (backup.manifest.kind, backup.manifest.retention_class), Label.parse(backup.manifest.label)
        newest.setdefault(key, label)
        if backup.proven_level is not None:
            proven.setdefault(key, label)
    newest |= proven
    notes = [f"{error.message}: the parts below were never tied together. {error.detail}".strip()]
    members = tuple(_found(system, map(str, newest.values()), notes))
    return _Chosen(None, None, members, tuple(notes))


def _part(system: System, found: Found) -> PlannedPart:
    manifest = found.manifest
    row = registry.BY_KIND[manifest.kind]
    then, where = destination(system, manifest)
    rate = read_back_rates(manifest).restore_bytes
    return PlannedPart(
        name=_name(manifest),
        title=row.title,
        kind=manifest.kind,
        label=manifest.label,
        taken=_taken(manifest),
        stores=found.stores,
        fetch_bytes=manifest.stored_bytes,
        then=then,
        where=where,
        seconds=round(manifest.stored_bytes / rate, 1) if rate else None,
    )


def _name(manifest: Manifest) -> str:
    """A kind that makes several backups in one run has several parts."""
    kind = str(manifest.kind)
    return kind if manifest.retention_class == "standard" else f"{kind} ({manifest.retention_class})"


def _taken(manifest: Manifest) -> datetime:
    return manifest.component.taken if manifest.component else manifest.begin


def _refuse_taken(system: System, chosen: _Chosen) -> None:
    """Everything that is in the way at once: whoever moves one thing aside should not find the next afterwards."""
    data = data_directory(system)
    taken = [*in_the_way(data, others=belonging_to(data))]
    for found in chosen.members:
        if found.manifest.kind is Kind.FILES:
            taken += [place for place in upload_places(found.manifest) if not is_free(place)]
    if taken:
        raise TargetRefused(
            f"{', '.join(map(str, taken))} must be empty or absent, and is not",
            detail="nothing was touched",
            hint="Is this the right host? Then move aside what is there; a full recovery never overwrites anything.",
        )


def _absent(wish: Wish, chosen: _Chosen, has_database: bool) -> tuple[str, ...]:
    there = {found.manifest.kind for found in chosen.members}
    lines = [] if has_database else ["there is no backup of the database: PostgreSQL is not recovered"]
    for row in PART_KINDS:
        title = registry.BY_KIND[row.kind].title
        if str(row.kind) in wish.without:
            lines.append(f"{title}: left out, as was asked for")
        elif row.kind not in there:
            lines.append(f"{title}: no backup belongs to it; {BY_KIND[row.kind].lack}")
    return tuple(lines)
