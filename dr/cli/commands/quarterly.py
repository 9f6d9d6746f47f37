"""``dr quarterly-drill``: the checklist, the disaster, the recovery, the comparison."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from dr.cli import consent
from dr.cli.output import plain
from dr.cli.runners import effective_configuration, procedures, record_of_last_run, tables_of
from dr.cli.session import Session
from dr.policy.objectives import Scenario

if TYPE_CHECKING:
    from dr.configuration.model import System


def quarterly_drill(
    session: Session,
    scenario: Annotated[Scenario, typer.Option(help="Which disaster.")] = Scenario.DATABASE_CORRUPTION,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the plan and the checklist, and stop.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="All of the checklist is done: do not ask.")] = False,
    confirm: Annotated[
        str, typer.Option(metavar="NAME", show_default=False, help="The system's name, instead of typing it.")
    ] = "",
    seconds: Annotated[float, typer.Option(min=1, help="For counting rows, and for each question to tables.")] = 300.0,
    seed: Annotated[int, typer.Option(min=0, help="Draws the pages that are overwritten; 0 draws anew.")] = 0,
) -> None:
    """Drill a disaster on a test system, from the checklist to the report.

    Asks whether everybody is ready, measures what there is, makes the disaster
    (dr simulate-disaster), recovers by the real procedure, verifies, and holds
    RTO and RPO against the scenario's objectives. Exit code 15: not recovered
    as it should be; 16: too late or with too much loss; 11: refused, declined
    or not prepared, and nothing was touched.

    Examples:
      dr quarterly-drill --dry-run
      dr quarterly-drill --scenario full-system-failure
    """
    system = effective_configuration(session, require_encryption=False).system
    _make(session, system.name, scenario, dry_run=True, seconds=seconds, seed=seed)
    _tell(session, "simulation-plan", aside=session.output.json and not dry_run)
    prepared = _checklist(session, ask=not (dry_run or yes), confirmed=yes and not dry_run)
    if dry_run:
        session.output.say("Nothing was done: this was a dry run.")
        return
    asked = consent.Question(system.name, production=True, because="This system will be broken, and then recovered.")
    typed = consent.obtain(session, asked, yes=False, typed=confirm, auto=system.auto_confirm)
    try:
        _make(session, system.name, scenario, prepared=prepared, typed=typed, seconds=seconds, seed=seed)
    finally:
        _show(session, system)


def _make(
    session: Session,
    system: str,
    scenario: Scenario,
    *,
    prepared: tuple[bool, ...] = (),
    dry_run: bool = False,
    typed: str = "",
    seconds: float,
    seed: int,
) -> None:
    with procedures(session):
        from flows.quarterly_drill import quarterly_drill as flow

        window, told, environment = prepared or (False, False, False)
        done = flow(
            system=system,
            scenario=scenario,
            window_scheduled=window,
            stakeholders_told=told,
            environment_prepared=environment,
            dry_run=dry_run,
            confirm_name=typed,
            seconds=seconds,
            seed=seed,
        )
    session.output.document["plan" if dry_run else "drill"] = plain(done)


def _checklist(session: Session, *, ask: bool, confirmed: bool) -> tuple[bool, ...]:
    """Each item, as it was answered; who cannot be asked has confirmed none."""
    from dr.evidence.quarterly import Preparation

    answers = []
    for text, _ in Preparation().items():
        done = confirmed
        if ask and sys.stdin.isatty():
            session.output.ask(f"Is it so that {text}? Type yes if it is: ")
            done = sys.stdin.readline().strip().lower() == "yes"
        answers.append(done)
        session.output.note(f"[{'x' if done else ' '}] {text}")
    return tuple(answers)


def _show(session: Session, system: System) -> None:
    """Whatever it came to: the tables come first, the error after them."""
    from dr.operations.incident.find import incidents

    record = record_of_last_run()
    if record is None or record.flow != "quarterly-drill":
        return
    tables = tables_of(record)
    for key, title in (
        ("quarterly-objectives", "Measured against the targets"),
        ("quarterly-comparison", "Comparison"),
    ):
        session.output.table(title, tables.get(key, []))
        session.output.document[key] = tables.get(key, [])
    session.output.document["report"] = "\n".join(i.text for i in record.artifacts if i.key == "quarterly-report")
    drilled = next((one.id for one in incidents(system) if one.opened.drill), "")
    session.output.say(
        f"The report is with run {record.id}; its timeline, step by step: dr incident report --incident {drilled}"
    )


def _tell(session: Session, key: str, *, aside: bool) -> None:
    record = record_of_last_run()
    for item in record.artifacts if record is not None else ():
        if item.key == key:
            tell = session.output.note if aside else session.output.say
            tell(item.text.replace("```", "").strip())
