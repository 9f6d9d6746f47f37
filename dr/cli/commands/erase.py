"""``dr erase``: forget a person now, and after every restore of the database again (I32)."""

from __future__ import annotations

from typing import Annotated

import typer

from dr.cli import consent
from dr.cli.output import plain
from dr.cli.runners import effective_configuration
from dr.cli.session import Session
from dr.errors import ConfigurationError, PartialBackup

Subject = Annotated[
    str,
    typer.Option(metavar="KEY", show_default=False, help="The person's key, as the statements expect it; - reads it."),
]
Reason = Annotated[
    str, typer.Option(metavar="REFERENCE", show_default=False, help="The request's number; no name of a person.")
]
Everybody = Annotated[
    bool, typer.Option("--again", help="Erase all of the ledger again, after a restore that was made by hand.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done and stop.")]
Confirm = Annotated[
    str, typer.Option(metavar="NAME", show_default=False, help="The system's name, wanted because this is production.")
]


def erase(
    session: Session,
    subject: Subject = "",
    reason: Reason = "",
    again: Everybody = False,
    dry_run: DryRun = False,
    confirm: Confirm = "",
) -> None:
    """Erase a person from the protected database, for good.

    The ledger (erasure.ledger, with an encrypted copy in every store) is written
    first, then the statements in erasure.statements run, then their checks must
    find nothing. Whatever restores the database runs them again. Exit code 14:
    erased, and a store has no copy of the entry yet; 15: somebody is still there.

    Examples:
      dr erase --subject 4711 --reason DSR-2026-17
      dr erase --again
    """
    from dr.operations.check_source import source_url
    from dr.operations.erasure.erase import erase as forget
    from dr.operations.erasure.re_erase import all_entries, re_erase
    from dr.operations.erasure.statements import read_statements

    if bool(subject) == again:
        raise ConfigurationError("whom to erase?", hint="Give --subject KEY, or --again for all of the ledger.")
    system = effective_configuration(session, require_postgres=True).system
    out, found = session.output, read_statements(system.procedures.erasure.statements)
    if subject == "-":
        subject = typer.get_text_stream("stdin").readline().rstrip("\n")
    people = len({entry.subject for entry in all_entries(system)[0]}) if again else 1
    files = ", ".join(item.name for item in found.erasing)
    whom = "one person" if people == 1 else f"{people} people"
    plan = f"Erase {whom} from {system.name} by {found.count} statements: {files}."
    out.document.update(system=system.name, people=people, statements=found.count)
    if dry_run:
        out.say(f"{plan}\nNothing was done: this was a dry run.")
        return
    out.note(plan)
    consent.obtain(
        session, consent.Question(system.name, production=True), yes=False, typed=confirm, auto=system.auto_confirm
    )
    if again:
        done = re_erase(system, system.procedures.erasure.database_url or source_url(system))
        out.document.update(erased=plain(done))
        out.say(f"{done}.")
        return
    forgotten = forget(system, subject, reason)
    out.document.update(erased=plain(forgotten))
    out.say(f"Erased: {forgotten.rows} rows; the checks find nothing. Entry {forgotten.id} of the ledger.")
    if forgotten.problems:
        raise PartialBackup(
            "the person is erased, and the ledger's copies are not complete",
            detail="; ".join(forgotten.problems),
            hint="The next dr erase stores what is lacking; --again makes sure of all that are erased.",
        )
