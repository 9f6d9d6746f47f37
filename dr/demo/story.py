"""The whole story: a shop at work, backups and WAL taken meanwhile, a disaster, a recovery to the second before it.

Everything beside the database is lost with it and brought back from the recovery point; that has a clock of its own.
How to back up and how to recover is passed in, because the order of those steps is written once, in the flows, and
this library knows nothing of flows. The RTO clock runs from the declared disaster, when PostgreSQL has reported damaged
pages and somebody decides to recover, to the first commit that the recovered server acknowledges to the shop.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from dr.catalog.canary import Beat
from dr.components.registry import BY_KIND
from dr.configuration.model import System
from dr.demo.baseline import Baseline, take_baseline
from dr.demo.beside.estate import Beside
from dr.demo.beside.recovery import BesideRecovery, bring_back_beside, compare_beside
from dr.demo.beside.report import BesideReport
from dr.demo.checks import check_recovered
from dr.demo.corruption import Damage, confirm_corruption, corrupt
from dr.demo.dataset import load_dataset
from dr.demo.estate import Estate, estate
from dr.demo.journal import Journal
from dr.demo.receiver import receiving
from dr.demo.report import DemoReport, named_phases
from dr.demo.workload import user_count, writing
from dr.evidence.findings import Loss, held_against
from dr.evidence.phases import Phase, Stopwatch
from dr.operations.measure_loss import measure_loss
from dr.policy.objectives import Scenario
from dr.postgres.account import make_directory

Say = Callable[[str], None]
BackUp = Callable[[System], None]
SCENARIO = Scenario.DATABASE_CORRUPTION
_SEED = 8192


@dataclass(frozen=True, slots=True)
class RecoveryOutcome:
    """What the caller's recovery has to tell: which backup, how long each phase, the last canary row in the copy."""

    label: str
    phases: tuple[Phase, ...]
    canary: Beat | None


Recover = Callable[[System, Path, datetime], RecoveryOutcome]
BringBack = Callable[[System, Beside, Path], BesideRecovery]
Drill = Callable[[System], Sequence[Mapping[str, str]]]
"""A row for each drill: its name, its outcome, and details."""
BEFORE = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Pace:
    """How long the shop writes before the backup and after it, in seconds."""

    before_backup: float = 3.0
    after_backup: float = 4.0

    def __post_init__(self) -> None:
        # The point to go back to has to lie after the backup's end, or there is nothing that leads there.
        if self.after_backup < BEFORE.total_seconds() + 0.5:
            raise ValueError(f"let the shop write for {BEFORE.total_seconds() + 0.5:g} s or more after its backup")


@dataclass(frozen=True, slots=True)
class _Shop:
    before: Baseline
    database_bytes: int
    users: int


@dataclass(frozen=True, slots=True)
class _Disaster:
    """What the shop had committed until then, what PostgreSQL says of the damage, and the moment to go back to."""

    journal: Journal
    message: str
    target: datetime


@dataclass(frozen=True, slots=True)
class _Recovery:
    outcome: RecoveryOutcome
    rto_seconds: float
    phases: tuple[Phase, ...]
    loss: Loss
    journal: Journal
    declared: float


def run_demo(
    directory: Path,
    say: Say,
    scale: float = 1.0,
    *,
    back_up: BackUp,
    recover: Recover,
    back_up_beside: BackUp | None = None,
    bring_back: BringBack = bring_back_beside,
    drill: Drill | None = None,
    pace: Pace | None = None,
) -> DemoReport:
    """Play it in ``directory``, which must be new or empty and holds everything afterwards. Leaves nothing running.

    Without ``back_up_beside`` the shop is a database alone. With ``drill`` the same backups are drilled in the end.
    """
    begin = time.monotonic()
    with estate(directory, with_beside=back_up_beside is not None) as place:
        shop = _open_shop(place, say, scale)
        disaster = _lose(place, shop, say, (back_up, back_up_beside), pace or Pace())
        recovery = _recover(place, shop, say, recover, disaster.target)
        beside = _bring_back(place, say, bring_back, recovery.declared)
        say("Comparing every table, large object and definition with what was committed ...")
        check = check_recovered(shop.before, (disaster.journal, recovery.journal), place.superuser_url)
        if drill is not None:
            say("Drilling the same backups, each in a server of its own in which nothing gets out ...")
        drills = drill(place.system) if drill is not None else ()
        return DemoReport(
            scenario=SCENARIO,
            verdict=held_against(place.system.objectives[SCENARIO], recovery.rto_seconds, recovery.loss),
            phases=recovery.phases,
            check=check,
            beside=beside,
            corruption_message=disaster.message,
            server_version=place.installation.version,
            backup_label=recovery.outcome.label,
            loss_explanation=recovery.loss.explanation,
            database_bytes=shop.database_bytes,
            demo_seconds=time.monotonic() - begin,
            notes=place.notes,
            drills=tuple(drills),
        )


def _open_shop(place: Estate, say: Say, scale: float) -> _Shop:
    for note in place.notes:
        say(note)
    say(f"PostgreSQL {place.installation.version} serves on 127.0.0.1:{place.port}. Loading the shop ...")
    size = load_dataset(place, scale)
    place.beside.fill()
    before = take_baseline(place.superuser_url)
    rows = sum(item.rows for item in before.digests.values())
    say(f"{size / 1e6:.0f} MB, {rows:,} rows, all of it digested.")
    return _Shop(before, size, user_count(place))


def _lose(place: Estate, shop: _Shop, say: Say, back_up: Sequence[BackUp | None], pace: Pace) -> _Disaster:
    """Back up and receive WAL while the shop writes, and let it write on until its server dies."""
    with receiving(place) as receiver:
        receiver.wait_until_receiving()
        with writing(place, shop.users) as workload:
            workload.wait_for_commit()
            say("The shop takes orders, and its WAL is stored as it comes. Backing up under this load ...")
            time.sleep(pace.before_backup)
            for one in back_up:
                if one is not None:
                    one(place.system)
            time.sleep(pace.after_backup)
            damage = corrupt(place, _SEED)
            journal = workload.stop()
        place.beside.destroy()
        message = confirm_corruption(place.superuser_url, damage)
        receiver.stop()
    say(f"The shop was told of {len(journal.acknowledged):,} commits when its server went down. {_told(damage)}")
    say(f"PostgreSQL itself: {message}")
    if place.beside.parts:
        lost = ", ".join(BY_KIND[part.kind].title for part in place.beside.parts)
        say(f"Gone with it: {lost}.")
    return _Disaster(journal, message, damage.at - BEFORE)


def _told(damage: Damage) -> str:
    return f"It came back with {len(damage.pages)} pages of {damage.table} overwritten on disk."


def _recover(place: Estate, shop: _Shop, say: Say, recover: Recover, moment: datetime) -> _Recovery:
    """From the declared disaster to the shop's first commit; then the shop is stopped so that it can be looked at."""
    target = place.directory / "recovered"
    make_directory(target, place.production)  # it has to belong to whoever runs the server
    say(f"Disaster declared. Recovering into {target}, to the second before it: {moment:%H:%M:%S.%f} UTC ...")
    stopwatch = Stopwatch()
    declared = time.monotonic()
    with stopwatch.phase("stop"):
        place.server.end()
    stopped = datetime.now(UTC)
    # The shop tries to reconnect all the while, as an application does.
    with writing(place, shop.users) as workload:
        outcome = recover(place.system, target, moment)
        # Before the shop beats again: the last canary known outside is that of the disaster until then.
        loss = measure_loss(place.system, outcome.canary, None, ended=stopped)
        with stopwatch.phase("serve"):
            place.server.begin(target)
        with stopwatch.phase("first commit"):
            workload.wait_for_commit()
        seconds = time.monotonic() - declared
        say(f"The shop commits again, {seconds:.1f} s after the disaster was declared.")
        journal = workload.stop()
    return _Recovery(outcome, seconds, named_phases((*stopwatch.phases, *outcome.phases)), loss, journal, declared)


def _bring_back(place: Estate, say: Say, bring_back: BringBack, declared: float) -> BesideReport | None:
    """Everything beside the database, when that serves again; then compared with what it was."""
    if not place.beside.parts:
        return None
    say("Bringing back everything beside the database, from the recovery point ...")
    recovery = bring_back(place.system, place.beside, place.directory / "returned")
    seconds = time.monotonic() - declared
    say(f"Everything is back, {seconds:.1f} s after the disaster was declared.")
    return compare_beside(recovery, seconds)
