"""The database's steps: into the data directory, questioned, the forgotten erased; it is not in service yet."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from dr.catalog.canary import Beat
from dr.catalog.manifest import Manifest
from dr.configuration.model import System
from dr.errors import DrError, LeaseHeld
from dr.evidence.findings import Check, CheckedCopy
from dr.evidence.phases import Phase, merge
from dr.operations.check_recovery import check_cluster, check_database
from dr.operations.check_source import bin_directories
from dr.operations.choose_point import choose_point
from dr.operations.drill.lay_out import database_name
from dr.operations.erasure.re_erase import Erased, re_erase
from dr.operations.find_backup import Found, find_backup
from dr.operations.full_recovery.own import claim, give_back, taking_space, whole
from dr.operations.full_recovery.places import belonging_to
from dr.operations.plan_recovery import Chosen
from dr.operations.rates import keep_rates
from dr.operations.restore import restore
from dr.operations.restore_database import restore_database as load_dump
from dr.operations.target import DatabaseTarget, DirectoryTarget
from dr.operations.wal.prefetch import remove_spool
from dr.policy.full_plan import PlannedDatabase
from dr.policy.recovery_target import TargetKind
from dr.postgres.account import make_directory
from dr.postgres.cluster import Recipe, create_cluster, running
from dr.postgres.control_data import control_data, needed_to_recover
from dr.postgres.data_directory import made_within
from dr.postgres.installations import server_for

_GIVE_WAY_SECONDS = 60.0
_PAUSE_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class RecoveredDatabase:
    """A cluster in its directory, replayed, questioned and stopped. ``canary`` is the last row that it has of it.

    All that was committed by ``complete_until`` is in it, by the server's clock; None where nobody noted the times.
    ``last_commit`` is of when the last commit is that was replayed.

    ``database`` and ``superuser`` are how it is asked; ``phases`` are names with seconds at work. ``identifier`` and
    ``timeline`` tell it from every other server, also from the one that was lost and may be half alive.
    """

    label: str
    directory: str
    store: str
    major: int
    database: str
    superuser: str
    tables: int
    rows: int
    checks: tuple[Check, ...]
    canary: Beat | None
    complete_until: datetime | None
    reached: str
    phases: tuple[tuple[str, float], ...]
    notes: tuple[str, ...]
    identifier: str = ""
    timeline: int | None = None
    last_commit: datetime | None = None


def recover(system: System, planned: PlannedDatabase, run: str) -> RecoveredDatabase:
    """Into ``planned.directory``, which must be free or left half-made by a full recovery.

    Raises ``RecoveryFailed`` unless the copy answers every question as it should.
    """
    directory = Path(planned.directory)
    with taking_space(directory):
        return _recover(system, planned, directory, run)


def _recover(system: System, planned: PlannedDatabase, directory: Path, run: str) -> RecoveredDatabase:
    wait_for_old_server(directory)
    if not directory.exists():
        directory.parent.mkdir(parents=True, exist_ok=True)
        make_directory(directory, directory.parent)
    claim(directory, run, others=belonging_to(directory))
    remove_spool(directory)
    try:
        found = _from_point(system, planned, directory) if planned.until is not None else _from_dump(system, planned)
    except DrError:
        give_back(directory)
        raise
    found = _identified(system, found)
    whole(directory, run)
    return found


def _identified(system: System, found: RecoveredDatabase) -> RecoveredDatabase:
    """As its control file has it, now that its server has stopped."""
    told = control_data(Path(found.directory), server_for(found.major, bin_directories(system)))
    timeline = told.get("Latest checkpoint's TimeLineID", "")
    identifier = told.get("Database system identifier", "")
    return replace(found, identifier=identifier, timeline=int(timeline) if timeline.isdigit() else None)


def _from_point(system: System, planned: PlannedDatabase, directory: Path) -> RecoveredDatabase:
    target = DirectoryTarget(directory)
    if planned.until is None:
        raise ValueError("a dump is recovered to no point")
    # Chosen anew: a run that goes on days later may find other stores, and WAL that has come in since.
    point = choose_point(system, planned.until)
    chosen = Chosen(Found(point.base.manifest, point.base.stores, notes=point.warnings), target, point)
    restored = restore(system, chosen)
    manifest = chosen.found.manifest
    copy = check_cluster(system, manifest, directory, point)
    copy.require(manifest.label)
    phases = merge((*restored.phases, *copy.phases))
    keep_rates(system, point, phases)
    notes = (*chosen.found.notes, *restored.notes, *copy.notes)
    until = point.newest if planned.until.kind is TargetKind.LATEST else planned.until.time
    return _recovered(manifest, directory, restored.store, copy, phases, notes, until)


def _from_dump(system: System, planned: PlannedDatabase) -> RecoveredDatabase:
    directory = Path(planned.directory)
    found = find_backup(system, planned.label, None)
    manifest = found.manifest
    installation = server_for(manifest.server_major, bin_directories(system))
    begin = time.monotonic()
    with made_within(directory) as inner:
        create_cluster(inner, installation, in_service=True)
    made = Phase("new server", begin, time.monotonic())
    name = database_name(manifest)
    # Its tablespaces' directories are not on this host; in the data directory they are as good.
    recipe = Recipe(settings={"allow_in_place_tablespaces": "on"})
    with running(directory, installation, recipe) as server:
        url = server.url_for(name)
        loaded = load_dump(system, found, DatabaseTarget(url, name, sandbox=True))
        copy = check_database(manifest, url)
    copy.require(manifest.label)
    phases = merge((made, *loaded.phases, *copy.phases))
    notes = (*found.notes, *loaded.notes)
    return _recovered(manifest, directory, loaded.store, copy, phases, notes, manifest.begin)


def _recovered(
    manifest: Manifest,
    directory: Path,
    store: str,
    copy: CheckedCopy,
    phases: tuple[Phase, ...],
    notes: tuple[str, ...],
    until: datetime | None,
) -> RecoveredDatabase:
    return RecoveredDatabase(
        label=manifest.label,
        directory=str(directory),
        store=store,
        major=manifest.server_major,
        database=manifest.database.name if manifest.database else "postgres",
        superuser=manifest.superuser,
        tables=copy.tables,
        rows=copy.rows,
        checks=copy.checks,
        canary=copy.canary,
        complete_until=until,
        reached=copy.reached,
        phases=tuple((phase.name, round(phase.seconds, 3)) for phase in phases),
        notes=notes,
        last_commit=copy.last_commit,
    )


def erase_again(system: System, database: RecoveredDatabase) -> Erased:
    """Before anybody can see them: on a private socket, while the service is still down (I32). Bears repetition."""
    directory = Path(database.directory)
    wait_for_old_server(directory)
    installation = server_for(database.major, bin_directories(system))
    settings = needed_to_recover(directory, installation)
    with running(directory, installation, Recipe(settings, database.superuser)) as server:
        return re_erase(system, server.url_for(database.database))


def wait_for_old_server(directory: Path) -> None:
    """A server of a run that was killed ends by itself, but not at once. Raises ``LeaseHeld`` when it goes on."""
    until = time.monotonic() + _GIVE_WAY_SECONDS
    while (pid := _server_in(directory)) is not None:
        if time.monotonic() > until:
            raise LeaseHeld(
                f"a PostgreSQL server (process {pid}) is at work in {directory}",
                hint="Stop it (pg_ctl stop), or find out whose it is.",
            )
        time.sleep(_PAUSE_SECONDS)


def _server_in(directory: Path) -> int | None:
    """The process that postmaster.pid names, while it lives and works there."""
    try:
        pid = int((directory / "postmaster.pid").read_text().splitlines()[0])
        inside = Path(f"/proc/{pid}/cwd").readlink()
    except (OSError, ValueError, IndexError):
        return None
    return pid if os.path.realpath(inside) == os.path.realpath(directory) else None
