"""``dr incident``: what is going on, who was told, what was decided; and afterwards the report."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dr.cli.incident_view import shipped_to, show_incident, summary, where
from dr.cli.runners import effective_configuration
from dr.cli.session import Session, command
from dr.policy.objectives import Scenario
from dr.policy.severity import Severity

if TYPE_CHECKING:
    from dr.configuration.model import System
    from dr.evidence.incident import AnyEntry, Incident

app = typer.Typer(
    no_args_is_help=True,
    help="Keep the record of an incident, and report on it.",
    context_settings={"help_option_names": ["-h", "--help"]},
)

Which = Annotated[
    str,
    typer.Option(
        "--incident",
        metavar="ID",
        show_default=False,
        help="The incident; the open one, or else the newest, if absent.",
    ),
]
Text = Annotated[str, typer.Argument(metavar="TEXT", show_default=False, help="In a sentence.")]
Level = Annotated[Severity | None, typer.Option(help="How severe it is.", show_default=False)]


@app.callback()
def incident() -> None:
    """Keep the record of an incident, and report on it."""


def open_(
    session: Session,
    text: Text,
    scenario: Annotated[Scenario, typer.Option(help="Which disaster it is.")] = Scenario.DATABASE_CORRUPTION,
    severity: Level = None,
    at: Annotated[
        str,
        typer.Option(
            metavar="TIME", show_default=False, help="When it happened, with its zone (2026-01-31T02:00:00Z)."
        ),
    ] = "",
) -> None:
    """Open an incident, and show whom to call.

    Recoveries that run from now on belong to it: their steps, approvals and
    figures go into its timeline. A recovery opens one by itself where none is
    open. Severity: the scenario's usual one when left out.

    Example:
      dr incident open "no page loads" --scenario full-system-failure
    """
    from dr.evidence.approvals import account
    from dr.evidence.incident import Note
    from dr.operations.incident.open import open_or_join, write_entry
    from dr.operations.incident.ship import ship_incidents
    from dr.policy.recovery_target import aware_time

    system = _system(session)
    happened = aware_time(at) if at else None
    there = open_or_join(system, scenario, text, by=account(), severity=str(severity or ""), disaster_at=happened)
    if there.joined:
        write_entry(system, there.incident.id, Note(datetime.now(UTC), account(), text))
        session.output.note(f"incident {there.incident.id} is open already: this was added to it")
    ship_incidents(system)
    show_incident(session, system, _find(system, there.incident.id))


def note(
    session: Session,
    text: Text,
    decision: Annotated[bool, typer.Option("--decision", help="It was decided; otherwise it was seen.")] = False,
    severity: Level = None,
    which: Which = "",
) -> None:
    """Add what was seen, decided, or how severe it is by now.

    Examples:
      dr incident note "the disk of db1 is full"
      dr incident note "we restore to 01:58" --decision
      dr incident note "orders come in again" --severity LOW
    """
    from dr.evidence.approvals import account
    from dr.evidence.incident import Decision, Graded, Note

    now = datetime.now(UTC)
    entry: AnyEntry = Decision(now, account(), text) if decision else Note(now, account(), text)
    entries: list[AnyEntry] = [entry] if severity is None else [entry, Graded(now, account(), str(severity), text)]
    _add(session, which, entries)


def told(
    session: Session,
    whom: Annotated[str, typer.Argument(metavar="WHO", help="A role or a name of the contact list, or anybody.")],
    how: Annotated[str, typer.Option("--by", metavar="WAY", help="phone, mail, a channel, ...")] = "phone",
    text: Annotated[str, typer.Option("--text", metavar="TEXT", show_default=False, help="What was said.")] = "",
    which: Which = "",
) -> None:
    """Note that somebody was told.

    Example:
      dr incident told "Database Admin" --by phone
    """
    from dr.evidence.approvals import account
    from dr.evidence.incident import Told

    _add(session, which, [Told(datetime.now(UTC), account(), whom, how, text)])


def status(session: Session, which: Which = "") -> None:
    """Show what is going on, what was done, and whom to call.

    Example:
      dr incident status
    """
    system = _system(session)
    show_incident(session, system, _find(system, which))


def close(session: Session, text: Text, which: Which = "") -> None:
    """Close it, and store its report.

    The report holds what was measured; what only people know is left to fill
    in. Nothing is added to a closed incident any more.

    Example:
      dr incident close "a disk lost pages; restored, replaced"
    """
    from dr.evidence.approvals import account
    from dr.operations.incident.close import close_incident
    from dr.operations.incident.ship import ship_incidents

    system = _system(session)
    closed = close_incident(system, which, by=account(), text=text)
    stores = shipped_to(ship_incidents(system), closed.id)
    session.output.document.update(incident=closed.id, closed=True, stores=list(stores))
    session.output.say(
        f"Incident {closed.id} is closed. Its report is {where(stores)}: dr incident report --incident {closed.id}"
    )


def report(
    session: Session,
    which: Which = "",
    to: Annotated[
        Path | None, typer.Option(metavar="FILE.md", show_default=False, help="Write it there instead.")
    ] = None,
) -> None:
    """Write the post-incident report (Markdown); of an open incident a draft.

    Example:
      dr incident report --to incident.md
    """
    from dr.operations.incident.report import report_of

    system = _system(session)
    found = _find(system, which)
    text = report_of(system, found)
    session.output.document.update(incident=found.id, report=text)
    if to is None:
        session.output.say(text)
    else:
        to.write_text(text, encoding="utf-8")
        session.output.say(f"The report of incident {found.id} is in {to}.")


def list_(session: Session) -> None:
    """Show the incidents that this host knows of.

    Example:
      dr incident list
    """
    from dr.operations.incident.find import incidents

    rows = [summary(one) for one in incidents(_system(session))]
    session.output.document["incidents"] = rows
    session.output.table("Incidents, newest first", rows)
    if not rows:
        session.output.say("No incident on this host.")


def _system(session: Session) -> System:
    return effective_configuration(session, require_encryption=False).system


def _find(system: System, which: str) -> Incident:
    from dr.operations.incident.find import find_incident

    return find_incident(system, which)


def _add(session: Session, which: str, entries: list[AnyEntry]) -> None:
    from dr.errors import ConfigurationError
    from dr.operations.incident.open import write_entry
    from dr.operations.incident.ship import ship_incidents

    system = _system(session)
    found = _find(system, which)
    if found.closed is not None:
        raise ConfigurationError(f"incident {found.id} is closed", hint="dr incident open begins another.")
    for entry in entries:
        write_entry(system, found.id, entry)
    stores = shipped_to(ship_incidents(system), found.id)
    session.output.document.update(incident=found.id, stores=list(stores))
    session.output.say(f"Noted in incident {found.id}, {where(stores)}.")


app.command("open")(command(open_))
app.command("note")(command(note))
app.command("told")(command(told))
app.command("status")(command(status))
app.command("close")(command(close))
app.command("report")(command(report))
app.command("list")(command(list_))
