"""``dr recover-db --in-place``, ``--swap``, ``--undo``: plan, show, have the name typed, do, and say what is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dr.cli import consent, verdict
from dr.cli.output import plain
from dr.cli.plan import as_plan, show_plan
from dr.cli.runners import procedures
from dr.cli.session import Session

if TYPE_CHECKING:
    from dr.cli.commands.recover import Wanted
    from dr.configuration.model import System
    from dr.evidence.in_place import RecoveredInPlace, Undone


def recover_in_place(session: Session, wanted: Wanted, system: System, *, dry_run: bool, typed: str) -> None:
    """Exchange production's data directory for a recovered one; the system's name has to be typed (I4)."""
    plan = as_plan(_flow(session, wanted, wanted.backup, dry_run=True))
    show_plan(session, plan, aside=session.output.json and not dry_run)
    if dry_run:
        session.output.say("Nothing was done: this was a dry run.")
        return
    name = consent.obtain(
        session, consent.Question(system.name, production=True), yes=False, typed=typed, auto=system.auto_confirm
    )
    # By what was typed and not by the plan's label: a run that was cut off is known by that.
    done = _flow(session, wanted, wanted.backup, confirm_name=name)
    show_done(session, done, system)


def undo(session: Session, wanted: Wanted, system: System, *, dry_run: bool, typed: str) -> None:
    """Exchange the directories back."""
    planned = _flow(session, wanted, "", dry_run=True)
    session.output.document.update(plan=plain(planned))
    for line in planned.lines():
        session.output.say(line)
    if dry_run:
        session.output.say("Nothing was done: this was a dry run.")
        return
    name = consent.obtain(
        session, consent.Question(system.name, production=True), yes=False, typed=typed, auto=system.auto_confirm
    )
    undone: Undone = _flow(session, wanted, "", confirm_name=name)
    session.output.document.update(undone=plain(undone))
    for line in undone.lines():
        session.output.say(line)


def show_done(session: Session, done: RecoveredInPlace, system: System) -> None:
    """What was done around the recovery first: an objective that was missed ends the command."""
    out = session.output
    out.document.update(
        aside=done.aside,
        damage=list(done.damage),
        emergency_copy=list(done.copy),
        found=list(done.found),
        erased=done.erased,
        health=list(done.answers),
        journal=done.journal,
        resumed=done.resumed,
        undo="dr recover-db --undo",
    )
    for line in done.lines():
        out.say(line)
    out.say("Nothing of ours removes it: dr recover-db --undo puts it back; rm -r is for you, when you are sure.")
    out.say("Then: dr verify, and dr backup --kind base, for the WAL before this moment is on another timeline.")
    started = system.procedures.recovery.database_service is not None
    verdict.show(session, done.outcome, system, in_service=started)


def _flow(session: Session, wanted: Wanted, backup: str, **more: Any) -> Any:
    with procedures(session):
        from flows.recover_database import recover_database

        return recover_database(
            system=wanted.system,
            backup=backup or "latest",
            scenario=wanted.scenario,
            disaster_at=wanted.disaster_at,
            **wanted.point.parameters(),
            **wanted.place.parameters(),
            **more,
        )
