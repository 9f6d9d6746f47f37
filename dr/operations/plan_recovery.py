"""Choose the backup and the target, look at both, and say what a recovery would do, before anything is touched."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain, count
from pathlib import Path

from dr.catalog.labels import Kind
from dr.configuration.model import System
from dr.errors import AuthenticationFailed, TargetRefused
from dr.operations.check_source import bin_directories
from dr.operations.choose_point import choose_point
from dr.operations.find_backup import LATEST, Found, find_backup
from dr.operations.rates import read_rates
from dr.operations.target import DatabaseTarget, DirectoryTarget, Target, parse_target
from dr.operations.wal.prefetch import spool_of
from dr.policy.recovery_plan import RecoveryPlan, plan_recovery
from dr.policy.recovery_plan_point import with_point
from dr.policy.recovery_point import RecoveryPoint
from dr.policy.recovery_target import RecoveryTarget, TargetKind
from dr.postgres.data_directory import check_target
from dr.postgres.inspection import read_facts, user_object_count
from dr.postgres.installations import client_for, server_for

NEWEST = RecoveryTarget()


@dataclass(frozen=True, slots=True)
class Chosen:
    """A backup and where it goes; ``point`` says up to where, with which WAL and on which backups it builds.

    A dump, and a backup from outside the repository, have no point: they are what they are.
    """

    found: Found
    target: Target
    point: RecoveryPoint | None = None


def choose(system: System, backup: str, to: str, until: RecoveryTarget = NEWEST) -> Chosen:
    """``backup`` is ``latest``, a label or a path; ``to`` a directory, an address, or empty for a directory of our own.

    The latest is the latest of the kind that fits the target: base backups for directories, dumps for addresses. Base
    backups are recovered ``until`` a point in the WAL behind them, by default its end.
    """
    target = parse_target(to)
    point = None
    if backup in ("", LATEST) and (target is None or target.kind is Kind.BASE):
        point = choose_point(system, until)
        found = _found(point)
    else:
        found = find_backup(system, backup, target.kind if target else None)
        if found.manifest.kind is Kind.BASE and found.directory is None and isinstance(target, DirectoryTarget | None):
            point = choose_point(system, until, found.manifest.label)
            found = _found(point)
    if point is None and until.kind not in (TargetKind.LATEST, TargetKind.IMMEDIATE):
        raise TargetRefused(
            f"{found.manifest.label} cannot be recovered to {until}",
            detail="only base backups of the repository can, and only into a directory",
            hint="Leave LABEL out, and say --to DIRECTORY.",
        )
    if target is None:
        target = _default_target(system, found)
    if found.manifest.kind is not target.kind:
        raise TargetRefused(
            f"{found.manifest.label} is a {found.manifest.kind} backup and cannot go to {target}",
            hint="A base backup goes into a directory (--to DIR), a dump into a database (--to postgresql://.../NAME).",
        )
    return Chosen(found, target, point)


def _found(point: RecoveryPoint) -> Found:
    return Found(point.base.manifest, point.base.stores, notes=point.warnings)


def _default_target(system: System, found: Found) -> Target:
    if found.manifest.kind is Kind.BASE:
        return DirectoryTarget(_first_free((system.state_directory / "restored" / found.manifest.label).absolute()))
    raise TargetRefused(
        f"{found.manifest.label} is a dump and needs a database to go to",
        hint="Say --to postgresql://USER@HOST/NAME; the database is created when it does not exist.",
    )


def _first_free(wanted: Path) -> Path:
    """``wanted``, or ``wanted_2``, ``wanted_3``...: the first that holds nothing yet, tablespaces included."""
    numbered = (wanted.with_name(f"{wanted.name}_{number}") for number in count(2))
    return next(
        path
        for path in chain((wanted,), numbered)
        if _is_free(path) and all(_is_free(path.with_name(path.name + suffix)) for suffix in ("_tablespaces", "_wal"))
    )


def _is_free(directory: Path) -> bool:
    try:
        return not any(directory.iterdir())
    except FileNotFoundError:
        return not directory.is_symlink()
    except OSError:
        return False  # a file, or a directory of somebody else


def plan(system: System, chosen: Chosen) -> RecoveryPlan:
    """Look at the target and the tools. Raises ``TargetRefused`` or ``ToolError`` when it cannot work."""
    manifest = chosen.found.manifest
    production = False
    if isinstance(chosen.target, DirectoryTarget):
        check_target(chosen.target.directory)
        if chosen.point is not None:
            check_target(spool_of(chosen.target.directory))
        server_for(manifest.server_major, bin_directories(system))
    else:
        facts = read_facts(chosen.target.maintenance_url)
        client_for(max(facts.major, manifest.server_major), bin_directories(system))
        production = bool(manifest.system_identifier) and facts.system_identifier == manifest.system_identifier
        _require_empty(chosen.target)
    drawn = plan_recovery(manifest, chosen.found.stores, str(chosen.target), production=production)
    if chosen.point is not None:
        drawn = with_point(
            drawn, chosen.point, _tiers(system), read_rates(system), datetime.now(UTC), datetime.astimezone
        )
    return drawn.with_warnings(chosen.found.notes)


def _tiers(system: System) -> dict[str, str]:
    """What kind of storage each store is, as the configuration says it."""
    return {item.name: item.storage_class or ("disk" if item.kind == "local" else "standard") for item in system.stores}


def _require_empty(target: DatabaseTarget) -> None:
    try:
        objects = user_object_count(target.url)
    except AuthenticationFailed as error:
        if "does not exist" in error.detail:
            return
        raise
    if objects:
        raise TargetRefused(
            f"{target} is not empty: it holds {objects} tables, views or sequences",
            hint="Name a database that does not exist yet (it is created), or drop this one yourself first.",
        )


def require_confirmation(system: System, agreed: RecoveryPlan, typed: str) -> None:
    """Restoring into the production cluster wants the system's name typed, or AUTO_CONFIRM=true (I4)."""
    if not agreed.production or system.auto_confirm or typed == system.name:
        return
    raise TargetRefused(
        f"{agreed.target} is the production cluster of {system.name}",
        detail=f"typed: {typed!r}" if typed else "nothing was typed",
        hint=f"If that is meant, confirm with the system's name: --confirm {system.name} (or AUTO_CONFIRM=true).",
    )
