"""Choose the backup and the target, look at both, and say what a recovery would do, before anything is touched."""

from __future__ import annotations

from dataclasses import dataclass

from dr.catalog.labels import Kind
from dr.configuration.model import System
from dr.errors import AuthenticationFailed, TargetRefused
from dr.operations.check_source import bin_directories
from dr.operations.find_backup import LATEST, Found, find_backup
from dr.operations.target import DatabaseTarget, DirectoryTarget, Target, parse_target
from dr.policy.recovery_plan import RecoveryPlan, plan_recovery
from dr.postgres.data_directory import check_target
from dr.postgres.inspection import read_facts, user_object_count
from dr.postgres.installations import client_for, server_for


@dataclass(frozen=True, slots=True)
class Chosen:
    """A backup and where it goes."""

    found: Found
    target: Target


def choose(system: System, backup: str, to: str) -> Chosen:
    """``backup`` is ``latest``, a label or a path; ``to`` a directory, an address, or empty for a directory of our own.

    The latest is the latest of the kind that fits the target: base backups for directories, dumps for addresses.
    """
    target = parse_target(to)
    kind = target.kind if target else None
    if backup in ("", LATEST) and kind is None:
        kind = Kind.BASE
    found = find_backup(system, backup, kind)
    if target is None:
        target = _default_target(system, found)
    if found.manifest.kind is not target.kind:
        raise TargetRefused(
            f"{found.manifest.label} is a {found.manifest.kind} backup and cannot go to {target}",
            hint="A base backup goes into a directory (--to DIR), a dump into a database (--to postgresql://.../NAME).",
        )
    return Chosen(found, target)


def _default_target(system: System, found: Found) -> Target:
    if found.manifest.kind is Kind.BASE:
        return DirectoryTarget((system.state_directory / "restored" / found.manifest.label).absolute())
    raise TargetRefused(
        f"{found.manifest.label} is a dump and needs a database to go to",
        hint="Say --to postgresql://USER@HOST/NAME; the database is created when it does not exist.",
    )


def plan(system: System, chosen: Chosen) -> RecoveryPlan:
    """Look at the target and the tools. Raises ``TargetRefused`` or ``ToolError`` when it cannot work."""
    manifest = chosen.found.manifest
    production = False
    if isinstance(chosen.target, DirectoryTarget):
        check_target(chosen.target.directory)
        server_for(manifest.server_major, bin_directories(system))
    else:
        facts = read_facts(chosen.target.maintenance_url)
        client_for(max(facts.major, manifest.server_major), bin_directories(system))
        production = bool(manifest.system_identifier) and facts.system_identifier == manifest.system_identifier
        _require_empty(chosen.target)
    drawn = plan_recovery(manifest, chosen.found.stores, str(chosen.target), production=production)
    return drawn.with_warnings(chosen.found.notes)


def _require_empty(target: DatabaseTarget) -> None:
    try:
        count = user_object_count(target.url)
    except AuthenticationFailed as error:
        if "does not exist" in error.detail:
            return
        raise
    if count:
        raise TargetRefused(
            f"{target} is not empty: it holds {count} tables, views or sequences",
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
