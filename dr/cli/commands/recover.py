"""``dr recover-db``: plan, show, ask, then restore, and say how long it took and what was lost."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated

import typer

from dr.cli import consent, verdict
from dr.cli.commands import recover_in_place
from dr.cli.commands.recover_options import (
    Anew,
    BeforeCorruption,
    EvenSo,
    GoodWhen,
    InPlace,
    NoEmergencyCopy,
    Swap,
    Trials,
    Undo,
    WantedPlace,
)
from dr.cli.commands.target_options import (
    Exclusive,
    Immediate,
    TargetLsn,
    TargetName,
    TargetTime,
    TargetXid,
    Timeline,
    WantedPoint,
)
from dr.cli.plan import as_plan, show_plan
from dr.cli.runners import effective_configuration, name_of_system, procedures
from dr.cli.session import Session
from dr.cli.target import target_for_flow
from dr.policy.objectives import Scenario
from dr.policy.recovery_target import RecoveryTarget

if TYPE_CHECKING:
    from dr.evidence.scoreboard import RecoveryOutcome
    from dr.policy.recovery_plan import RecoveryPlan

LATEST = "latest"

Backup = Annotated[
    str,
    typer.Argument(metavar="[LABEL|PATH]", show_default=False, help="The backup; the latest when left out."),
]
To = Annotated[
    str,
    typer.Option(
        metavar="DIR|DSN",
        show_default=False,
        help="For a base backup a directory that is empty or not there yet; for a dump such a database, as"
        " postgresql://USER@HOST/NAME or env:NAME of a variable that holds the address."
        " Left out: a new directory below the state directory.",
    ),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show the plan and stop.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
Confirm = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        show_default=False,
        help="The system's name, wanted when the target is the production cluster itself.",
    ),
]
Disaster = Annotated[
    Scenario,
    typer.Option(
        metavar="SCENARIO",
        help=f"Whose RTO and RPO it is held against: {', '.join(Scenario)}.",
    ),
]
DisasterAt = Annotated[
    str,
    typer.Option(
        metavar="TIME",
        show_default=False,
        help="When it happened, with its zone (2026-01-31T02:00:00Z); losses are counted until then.",
    ),
]
Remote = Annotated[bool, typer.Option("--remote", help="Have the Prefect worker do it, and wait for it.")]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was asked for, as the flow takes it."""

    system: str
    backup: str
    to: str
    scenario: Scenario
    disaster_at: str
    point: WantedPoint = field(default_factory=WantedPoint)
    place: WantedPlace = field(default_factory=WantedPlace)


def recover_db(
    session: Session,
    backup: Backup = LATEST,
    to: To = "",
    dry_run: DryRun = False,
    yes: Yes = False,
    confirm: Confirm = "",
    scenario: Disaster = Scenario.DATABASE_CORRUPTION,
    disaster_at: DisasterAt = "",
    remote: Remote = False,
    target_time: TargetTime = "",
    target_lsn: TargetLsn = "",
    target_xid: TargetXid = "",
    target_name: TargetName = "",
    immediate: Immediate = False,
    exclusive: Exclusive = False,
    timeline: Timeline = "",
    in_place: InPlace = False,
    swap: Swap = False,
    no_emergency_copy: NoEmergencyCopy = "",
    even_so: EvenSo = False,
    undo: Undo = False,
    anew: Anew = False,
    before_corruption: BeforeCorruption = False,
    good_when: GoodWhen = "",
    trials: Trials = 20,
) -> None:
    """Recover: plan, ask, restore, replay, boot, question, measure.

    A base backup is recovered to the newest WAL there is, or to the point that
    a --target option names; the plan says what that takes and loses.

    Nothing is ever restored over something that is there; --in-place and --swap
    exchange directories, and keep the old one. Exit code 11: refused or
    declined, nothing was touched; 16: recovered, but later or with more loss
    than the objective allows; 21: in place, and the other region is in charge.

    Examples:
      dr recover-db --dry-run
      dr recover-db --to /srv/restored
      dr recover-db --target-time 2026-01-31T01:59:59Z --dry-run
      dr recover-db --in-place
      dr recover-db --swap --before-corruption \\
        --good-when 'SELECT count(*) > 100 FROM users'
      dr recover-db backups/database/backup_20240101_020000.sql.gz.gpg \\
        --to postgresql://postgres@db2/shop
    """
    point = WantedPoint(target_time, target_lsn, target_xid, target_name, immediate, exclusive, timeline)
    asked_point = point.check()
    place = WantedPlace(in_place, swap, before_corruption, good_when, trials, no_emergency_copy, even_so, undo, anew)
    place.check(to=to, pointed=asked_point != RecoveryTarget(), remote=remote)
    if remote:
        from dr.cli.remote import recover_remotely

        wanted = Wanted(name_of_system(session), backup, to, scenario, disaster_at, point)
        recover_remotely(session, wanted, dry_run=dry_run, yes=yes, typed=confirm)
        return
    system = effective_configuration(session).system
    wanted = Wanted(system.name, backup, target_for_flow(to), scenario, disaster_at, point, place)
    if place.undo:
        recover_in_place.undo(session, wanted, system, dry_run=dry_run, typed=confirm)
        return
    if place.in_production:
        recover_in_place.recover_in_place(session, wanted, system, dry_run=dry_run, typed=confirm)
        return
    plan = _plan(session, wanted)
    show_plan(session, plan, aside=session.output.json and not dry_run)
    if dry_run:
        session.output.say("Nothing was done: this was a dry run.")
        return
    asked = consent.Question(system.name, plan.production)
    typed = consent.obtain(session, asked, yes=yes, typed=confirm, auto=system.auto_confirm)
    # What was agreed to is restored, also when a newer backup has appeared since.
    chosen = plan.label if backup in ("", LATEST) and not before_corruption else backup
    verdict.show(session, _recover(session, wanted, chosen, typed), system)


def _plan(session: Session, wanted: Wanted) -> RecoveryPlan:
    with procedures(session):
        from flows.recover_database import recover_database

        plan = recover_database(
            system=wanted.system,
            backup=wanted.backup,
            to=wanted.to,
            scenario=wanted.scenario,
            disaster_at=wanted.disaster_at,
            dry_run=True,
            **wanted.point.parameters(),
            **wanted.place.parameters(),
        )
    return as_plan(plan)


def _recover(session: Session, wanted: Wanted, backup: str, typed: str) -> RecoveryOutcome:
    with procedures(session):
        from dr.evidence.scoreboard import RecoveryOutcome
        from flows.recover_database import recover_database

        outcome = recover_database(
            system=wanted.system,
            backup=backup,
            to=wanted.to,
            scenario=wanted.scenario,
            disaster_at=wanted.disaster_at,
            confirm_name=typed,
            **wanted.point.parameters(),
            **wanted.place.parameters(),
        )
    if not isinstance(outcome, RecoveryOutcome):
        raise TypeError(f"a recovery came back with a {type(outcome).__name__}")
    return outcome
