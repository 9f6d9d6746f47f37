"""Steps of recovering into production's own place: each a task around one operation, and each may be done again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from dr.evidence.findings import Loss
from dr.operations import measure_loss
from dr.operations.application.ask import Answered
from dr.operations.application.health import wait_until_healthy
from dr.operations.application.start import start_application
from dr.operations.application.stop import stop_application
from dr.operations.database import (
    assess_damage,
    emergency_copy,
    exchange,
    place,
    plan_in_place,
    serve,
    stage,
    trials,
    unstored,
)
from dr.operations.database.emergency_copy import EmergencyCopy
from dr.operations.database.exchange import Exchanged
from dr.operations.database.plan_in_place import InPlace
from dr.operations.database.stage import Staged
from dr.operations.database.trials import GoodWhen
from dr.operations.erasure.re_erase import Erased, re_erase_running
from dr.operations.wal.hurry import hurry
from dr.policy.damage import Damage
from dr.policy.last_good import Asked, LastGood, Trial, find_last_good
from dr.policy.recovery_plan import RecoveryPlan
from dr.policy.recovery_target import RecoveryTarget
from dr.services.protocol import Status
from tasks.course import Course
from tasks.runner import task
from tasks.systems import load_system

HOUR = 3600


@dataclass(frozen=True, slots=True)
class Settled:
    """Which base backup is recovered, up to where; ``found`` tells how that was found where it was searched for.

    ``unstored`` says what production has committed and no store has; empty where they have all of it.
    """

    label: str
    until: RecoveryTarget
    identifier: str
    found: tuple[str, ...] = ()
    unstored: str = ""


@task(name="plan the recovery in place", retries=2, timeout_seconds=600)
def plan(system: str, wanted: InPlace) -> RecoveryPlan:
    """What will be done; refuses where it would do harm."""
    settings = load_system(system)
    hurry(settings)
    return plan_in_place.plan_in_place(settings, wanted)


@task(name="begin", timeout_seconds=60)
def begin() -> datetime:
    """The moment that names what is made; kept, so that a run that goes on uses the same names."""
    return datetime.now(UTC).replace(microsecond=0)


@task(name="stop the application", retries=1, timeout_seconds=HOUR)
def stop_the_application(system: str) -> tuple[Status, ...]:
    """So that nobody writes into what is broken."""
    return stop_application(load_system(system))


@task(name="look at the damage", timeout_seconds=6 * HOUR)
def look_at_the_damage(system: str, names: Path) -> Damage:
    """Ask the running server."""
    return assess_damage.look_at_server(load_system(system), names)


@task(name="copy what can still be read", timeout_seconds=12 * HOUR)
def copy_what_is_left(system: str, begun: datetime, declined: str) -> EmergencyCopy:
    """Table by table, encrypted."""
    return emergency_copy.make_emergency_copy(load_system(system), begun, declined)


@task(name="stop PostgreSQL", retries=1, timeout_seconds=HOUR)
def stop_postgresql(system: str) -> Status:
    """By its service; no server may be left in the directory (I4)."""
    return serve.stop_database(load_system(system))


@task(name="note when PostgreSQL last ran", timeout_seconds=60)
def note_last_ran(system: str) -> int:
    """So that a run that goes on sees whether it has served since."""
    return place.last_ran(place.data_directory(load_system(system)))


@task(name="look at the pages on disk", timeout_seconds=6 * HOUR)
def look_at_the_disk(system: str, damage: Damage, names: Path) -> Damage:
    """What the stopped server's files hold."""
    return assess_damage.look_at_disk(load_system(system), damage, names)


@task(name="choose the target", retries=2, timeout_seconds=600)
def settle(system: str, wanted: InPlace, begun: datetime, found: LastGood | None) -> Settled:
    """What the receiver has is stored first; then the backup and the place in the WAL are fixed.

    Where the newest is wanted, all that production has committed has to be stored. Of one that lives nothing is taken
    away until it is; of one that was stopped the rest is said, and lies in the directory that is kept.
    """
    settings = load_system(system)
    hurry(settings)
    left = unstored.unstored(settings) if found is None and wanted.until == RecoveryTarget() else None
    if left is not None and wanted.swap:
        left.refuse()
    backup, until = (found.label, found.until) if found is not None else (wanted.backup, wanted.until)
    chosen = stage.choose_for(settings, place.place_at(settings, begun).staged, backup, until)
    manifest = chosen.found.manifest
    lines = found.lines() if found is not None else ()
    return Settled(manifest.label, until, manifest.system_identifier, lines, str(left or ""))


@task(name="restore beside, question and re-erase", retries=1, timeout_seconds=24 * HOUR)
def make_the_copy(system: str, settled: Settled, begun: datetime) -> Staged:
    """The copy that will take production's place."""
    settings = load_system(system)
    here = place.place_at(settings, begun)
    chosen = stage.choose_for(settings, here.staged, settled.label, settled.until)
    return stage.stage(settings, chosen, here.data)


@task(name="measure the loss", timeout_seconds=600)
def measure_the_loss(system: str, staged: Staged, disaster_at: datetime | None, stopped: datetime) -> Loss:
    """While nobody writes: the canary of the recovered database overwrites what this host knows of the old one."""
    settings = load_system(system)
    return measure_loss.measure_loss(settings, staged.canary, disaster_at, ended=stopped, committed=staged.last_commit)


@task(name="exchange the directories", timeout_seconds=HOUR)
def exchange_directories(system: str, begun: datetime, identity: str) -> Exchanged:
    """By renaming; the old one is kept."""
    return exchange.exchange(place.place_at(load_system(system), begun), identity)


@task(name="look whether the copy lies in production's place", timeout_seconds=60)
def require_exchanged(system: str, identity: str) -> None:
    """What a run before this one has put there may have been taken away since."""
    exchange.require_exchanged(place.data_directory(load_system(system)), identity)


@task(name="start PostgreSQL", retries=1, timeout_seconds=HOUR)
def start_postgresql(system: str, identifier: str) -> Status:
    """And wait until it answers as the cluster that was meant."""
    return serve.start_database(load_system(system), identifier)


@task(name="erase who was forgotten meanwhile", retries=1, timeout_seconds=6 * HOUR)
def erase_meanwhile(system: str) -> Erased:
    """Of people who were erased since what runs now was made, none may be in it (I32)."""
    return re_erase_running(load_system(system))


@task(name="start the application", retries=1, timeout_seconds=HOUR)
def start_the_application(system: str) -> tuple[Status, ...]:
    """Each service after those it needs."""
    return start_application(load_system(system))


@task(name="wait until it is healthy", timeout_seconds=HOUR)
def wait_for_health(system: str) -> tuple[Answered, ...]:
    """By its own account."""
    return wait_until_healthy(load_system(system))


@task(name="list the base backups", retries=2, timeout_seconds=600)
def bases(system: str) -> tuple[str, ...]:
    """The newest first."""
    settings = load_system(system, require_postgres=False)
    hurry(settings)
    return trials.newest_bases(settings)


@task(name="make a copy on trial and ask it", retries=1, timeout_seconds=24 * HOUR)
def ask_copy(system: str, trial: Trial, good_when: str) -> Asked:
    """One of the search's trials."""
    return trials.ask_copy(load_system(system, require_postgres=False), trial, GoodWhen(good_when))


def search(system: str, good_when: str, limit: int, steps: Course | None = None) -> LastGood:
    """Search for the last good moment; with ``steps`` each trial is kept, and a search that was cut off goes on."""
    settings = load_system(system, require_postgres=False)

    def ask(trial: Trial) -> Asked:
        if steps is None:
            return ask_copy(system, trial, good_when)
        return steps.step(f"ask {trial}", ask_copy, system, trial, good_when)

    labels = bases(system) if steps is None else steps.step("list the base backups", bases, system)
    marks = partial(trials.marks_of, settings)
    commits = partial(trials.commits_of, settings)
    return find_last_good(labels, ask, marks, commits, limit=limit, on_disk=GoodWhen(good_when).on_disk)
