"""``dr simulate-disaster``: break a test system on purpose, and put back what was taken."""

from __future__ import annotations

from typing import Annotated

import typer

from dr.cli import consent
from dr.cli.output import plain
from dr.cli.runners import effective_configuration, procedures, record_of_last_run
from dr.cli.session import Session
from dr.errors import ConfigurationError
from dr.policy.objectives import Scenario


def simulate_disaster(
    session: Session,
    scenario: Annotated[Scenario | None, typer.Option(help="Which disaster.", show_default=False)] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the plan and stop.")] = False,
    confirm: Annotated[
        str, typer.Option(metavar="NAME", show_default=False, help="The system's name, instead of typing it.")
    ] = "",
    seed: Annotated[int, typer.Option(min=0, help="Draws the pages that are overwritten; 0 draws anew.")] = 0,
    undo: Annotated[bool, typer.Option("--undo", help="Put back what the last one took away.")] = False,
    simulation: Annotated[
        str, typer.Option(metavar="ID", show_default=False, help="Undo this one, not the last.")
    ] = "",
) -> None:
    """Make a disaster on a test system: real damage, kept so that it can be undone.

    database-corruption overwrites pages of the largest table on disk;
    application-failure kills the application's services; full-system-failure
    kills all and takes away data, uploads and configuration;
    data-center-outage kills and takes away what is in the first region.

    Only where simulation.allowed is true, the database is marked, and nothing
    knows it as production; exit code 11 otherwise, and nothing was touched.

    Examples:
      dr simulate-disaster --scenario database-corruption --dry-run
      dr simulate-disaster --scenario full-system-failure
      dr simulate-disaster --undo
    """
    if undo == (scenario is not None):
        raise ConfigurationError(
            "say which disaster, or --undo",
            detail=f"disasters: {', '.join(Scenario)}",
            hint="dr simulate-disaster --scenario database-corruption --dry-run shows what it would do.",
        )
    system = effective_configuration(session, require_encryption=False).system
    _run(session, system.name, scenario, simulation, seed, dry_run=True)
    _show(session, "simulation-plan", aside=session.output.json and not dry_run)
    if dry_run:
        session.output.say("Nothing was done: this was a dry run.")
        return
    because = "Everything is stopped, and what is there now is replaced." if undo else "This system will be broken."
    asked = consent.Question(system.name, production=True, because=because)
    typed = consent.obtain(session, asked, yes=False, typed=confirm, auto=system.auto_confirm)
    _run(session, system.name, scenario, simulation, seed, typed=typed)
    _show(session, "simulation")


def _run(
    session: Session,
    system: str,
    scenario: Scenario | None,
    simulation: str,
    seed: int,
    *,
    dry_run: bool = False,
    typed: str = "",
) -> None:
    with procedures(session):
        from flows.simulate_disaster import simulate_disaster as flow
        from flows.simulate_disaster import undo_simulation

        if scenario is None:
            done: object = undo_simulation(system=system, simulation=simulation, dry_run=dry_run, confirm_name=typed)
        else:
            done = flow(system=system, scenario=scenario, dry_run=dry_run, confirm_name=typed, seed=seed)
    session.output.document["plan" if dry_run else "simulation"] = plain(done)


def _show(session: Session, key: str, *, aside: bool = False) -> None:
    """The text that the run published; on standard error where the answer is JSON and comes later."""
    record = record_of_last_run()
    for item in record.artifacts if record is not None else ():
        if item.key == key:
            tell = session.output.note if aside else session.output.say
            tell(item.text.replace("```", "").strip())
