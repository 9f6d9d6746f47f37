"""``dr recover-app``: restart what is down, in order, wait until it is healthy, and go back a release if need be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from dr.cli import consent
from dr.cli.output import plain
from dr.cli.runners import effective_configuration, procedures, record_of_last_run, tables_of
from dr.cli.session import Session
from dr.errors import DrError, ObjectiveMissed

if TYPE_CHECKING:
    from dr.evidence.application_outcome import ApplicationRecovered
    from dr.operations.application.plan import ApplicationPlan

_TABLE = "application"


def recover_app(
    session: Session,
    service: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", show_default=False, help="Restart this service, running or not. Repeatable."),
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Restart every service of the application, running or not.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Look, show the plan and stop.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    confirm: Annotated[
        str, typer.Option(metavar="NAME", show_default=False, help="The system's name: do not ask.")
    ] = "",
    anew: Annotated[bool, typer.Option("--anew", help="Begin again instead of going on.")] = False,
) -> None:
    """Bring the application back: restart what is down, wait until it is healthy.

    Services stop in reverse order and start in order. When all run and the
    application does not answer, all of it is restarted, its database and Redis
    are not. What still does not come goes back to the release before, if there
    is one, which is said loudly. Exit code 11: declined, nothing was touched;
    19: it does not come; 16: it came later than the objective.

    Examples:
      dr recover-app --dry-run
      dr recover-app --yes
      dr recover-app --service web --confirm shop
    """
    system = effective_configuration(session, require_encryption=False).system
    wanted: dict[str, Any] = {
        "system": system.name,
        "services": " ".join(service or ()),
        "everything": everything,
        "anew": anew,
    }
    plan = _plan(session, wanted)
    session.output.document["plan"] = plain(plan)
    for line in plan.lines():
        (session.output.note if session.output.json and not dry_run else session.output.say)(line)
    if dry_run:
        session.output.say("Nothing was done: this was a dry run.")
    if dry_run:
        return
    asked = consent.Question(system.name, production=True, because="Services of production will be restarted.")
    typed = system.name if yes and not confirm else confirm
    typed = consent.obtain(session, asked, yes=yes, typed=typed, auto=system.auto_confirm)
    _recover(session, wanted | {"confirm_name": typed})


def _plan(session: Session, wanted: dict[str, Any]) -> ApplicationPlan:
    with procedures(session):
        from dr.operations.application.plan import ApplicationPlan
        from flows.recover_application import recover_application

        plan = recover_application(**wanted, dry_run=True)
    if not isinstance(plan, ApplicationPlan):
        raise TypeError(f"a dry run came back with a {type(plan).__name__}")
    return plan


def _recover(session: Session, wanted: dict[str, Any]) -> None:
    out = session.output
    try:
        with procedures(session):
            from flows.recover_application import recover_application

            outcome = recover_application(**wanted)
    except DrError:
        _show_table(session)
        raise
    from dr.evidence.application_outcome import ApplicationRecovered

    if not isinstance(outcome, ApplicationRecovered):
        out.say("Everything has come back by itself meanwhile: nothing was done.")
        return
    _show_table(session)
    _show(session, outcome)


def _show(session: Session, outcome: ApplicationRecovered) -> None:
    out, judged = session.output, outcome.verdict
    out.document["outcome"] = plain(outcome)
    out.document["rto_seconds"], out.document["rpo_seconds"] = judged.rto_seconds, judged.rpo_seconds
    out.document["rto_met"] = judged.rto_met
    out.document["rolled_back"] = list(outcome.rolled_back)
    for line in outcome.lines():
        out.say(line)
    for text in outcome.rolled_back if out.json else ():
        out.note(f"ROLLED BACK, {text}")
    if not judged.met:
        raise ObjectiveMissed(
            f"the application of {outcome.system} is back, but later than the objective",
            detail=f"RTO {judged.rto_seconds:.1f} s of {judged.objective.rto_seconds:.0f} s",
            hint="Use it. Then see which phase took long.",
        )


def _show_table(session: Session) -> None:
    record = record_of_last_run()
    rows = tables_of(record).get(_TABLE) if record is not None else None
    if rows:
        session.output.document["phases"] = rows
        session.output.table("application-failure: phases against RTO and RPO, in seconds", rows)
