"""``dr failover``: look, show, ask, then put the second region in charge."""

from __future__ import annotations

from typing import Annotated

import typer

from dr.cli import consent
from dr.cli.commands.region import show
from dr.cli.runners import effective_configuration, procedures
from dr.cli.session import Session
from dr.errors import ObjectiveMissed

DryRun = Annotated[bool, typer.Option("--dry-run", help="Look at both regions and stop.")]
Confirm = Annotated[str, typer.Option(metavar="NAME", show_default=False, help="The system's name: nobody is asked.")]
Anew = Annotated[bool, typer.Option("--anew", help="Begin anew instead of going on with a run that was cut off.")]


def failover(
    session: Session,
    dry_run: DryRun = False,
    confirm: Confirm = "",
    i_have_fenced_it: Annotated[
        str,
        typer.Option(
            "--i-have-fenced-it",
            metavar="YOUR-NAME",
            show_default=False,
            help="You have seen that the first region's server cannot write, and nothing else proves it.",
        ),
    ] = "",
    without_archive: Annotated[
        bool, typer.Option("--without-archive", help="Lose the WAL that only the stores have.")
    ] = False,
    no_backup: Annotated[bool, typer.Option("--no-backup", help="Take no base backup of the new primary.")] = False,
    disaster_at: Annotated[
        str,
        typer.Option(metavar="TIME", show_default=False, help="When the region went (2026-01-31T02:00:00Z)."),
    ] = "",
    anew: Anew = False,
) -> None:
    """The first region is gone: put the second in charge.

    Fences the first region's server and proves it, replays what the stores
    have, promotes, begins the application, leads DNS there, verifies. Run again
    after a crash it goes on where it was. Exit code 21: not proven to be
    fenced, nothing was promoted; 16: done, but beyond the objective.

    Examples:
      dr failover --dry-run
      dr failover --confirm main
      dr failover --i-have-fenced-it "the name of who saw it"
    """
    system = effective_configuration(session).system
    with procedures(session):
        from flows.region_failover import region_failover

        region_failover(system=system.name, dry_run=True)
        show(session, "look")
        if dry_run:
            session.output.say("Nothing was done: this was a dry run.")
            return
        asked = consent.Question(system.name, production=True)
        typed = consent.obtain(session, asked, yes=False, typed=confirm, auto=system.auto_confirm)
        outcome = region_failover(
            system=system.name,
            confirm_name=typed,
            fenced_by=i_have_fenced_it,
            without_archive=without_archive,
            without_backup=no_backup,
            disaster_at=disaster_at,
            anew=anew,
        )
    show(session, "failover")
    from dr.operations.region.outcome import FailedOver

    if not isinstance(outcome, FailedOver):
        raise TypeError(f"a failover came back with a {type(outcome).__name__}")
    judged = outcome.verdict
    session.output.document["verdict"] = {
        "rto_seconds": judged.rto_seconds,
        "rto_target_seconds": judged.objective.rto_seconds,
        "rto_met": judged.rto_met,
        "rpo": str(judged.rpo_certainty),
        "rpo_seconds": judged.rpo_seconds,
        "rpo_at_most_seconds": judged.rpo_at_most,
        "rpo_target_seconds": judged.objective.rpo_seconds,
        "rpo_met": judged.rpo_met,
    }
    if not judged.rto_met or judged.rpo_missed:
        raise ObjectiveMissed(
            f"{system.name} runs in the second region, but beyond the objective of a data-centre outage",
            f"RTO {judged.rto_seconds:.0f} s of {judged.objective.rto_seconds:.0f} s, RPO {judged.rpo_shown} of "
            f"{judged.objective.rpo_seconds:.0f} s",
            "It is in service. See which step took long (dr incident report).",
        )
