"""``dr verify`` and ``dr validate-recovery``: is the recovered system really back?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from dr.cli.runners import effective_configuration, name_of_system, procedures, record_of_last_run, tables_of
from dr.cli.session import Session


def verify(
    session: Session,
    against: Annotated[
        str,
        typer.Option(
            metavar="LABEL|FILE|none",
            show_default=False,
            help="Compare with this backup, recovery point or baseline; the newest backup that fits when left out.",
        ),
    ] = "",
    may_shrink: Annotated[
        float, typer.Option(metavar="PERCENT", min=0, max=100, help="So many rows may a table have lost on purpose.")
    ] = 0.0,
    seconds: Annotated[float, typer.Option(min=1, help="For counting rows, and for each question to tables.")] = 300.0,
    backup: Annotated[bool, typer.Option("--backup/--no-backup", help="Take a backup of it.")] = True,
    wal: Annotated[bool, typer.Option("--wal/--no-wal", help="See its WAL arrive in the stores.")] = True,
    baseline: Annotated[
        str,
        typer.Option(
            metavar="FILE", show_default=False, help="Only write down what there is now, to compare with later."
        ),
    ] = "",
    remote: Annotated[bool, typer.Option("--remote", help="Have the Prefect worker do it, and wait for it.")] = False,
) -> None:
    """Is the recovered system really back?

    Asks database, application, Redis, uploads, certificates and jobs at once,
    compares tables, rows, extensions and roles with what was there before,
    takes a backup and sees WAL arrive. Writes one row of our own, no other.
    Exit code 15: something is wrong; 18: something could not be told. Stored
    backups are read again by dr verify-backup.

    Examples:
      dr verify
      dr validate-recovery --against point_20240101_020000 --no-backup
      dr validate-recovery --baseline /srv/before.json
    """
    if baseline:
        _write_baseline(session, baseline, seconds)
        return
    parameters: dict[str, Any] = {
        "against": against,
        "may_shrink": may_shrink,
        "seconds": seconds,
        "backup": backup,
        "wal": wal,
    }
    if remote:
        from dr.cli.remote import run_remotely

        run_remotely(session, "verify-recovery", parameters)
        return
    system = name_of_system(session)
    try:
        with procedures(session):
            from flows.verify_recovery import verify_recovery

            verify_recovery(system=system, **parameters)
    finally:
        _show(session)


def _write_baseline(session: Session, file: str, seconds: float) -> None:
    system = effective_configuration(session, require_postgres=True).system
    from dr.operations.verify_recovery.baseline import take_baseline, write_baseline

    taken = take_baseline(system, seconds)
    place = Path(file).expanduser().absolute()
    write_baseline(taken, place)
    rows = sum(table.rows for table in taken.tables)
    session.output.document["baseline"] = {"file": str(place), "tables": len(taken.tables), "rows": rows}
    session.output.say(f"{len(taken.tables)} tables with {rows} rows are written down in {place}.")
    session.output.say(f"After a recovery: dr validate-recovery --against {place}")


def _show(session: Session) -> None:
    """Whatever the verdict: the answers come first, the error after them."""
    record = record_of_last_run()
    if record is None:
        return
    tables = tables_of(record)
    texts = {item.key: item.text for item in record.artifacts if item.kind == "markdown"}
    answers, phases = tables.get("recovered-answers", []), tables.get("recovered-phases", [])
    out = session.output
    out.table("What the recovered system answered", answers)
    out.table("Phases, in seconds", phases)
    report = texts.get("recovered-report", "")
    for line in report.splitlines():
        out.say(line.lstrip("#* ").replace("**", ""))
    out.document["verified"] = {"run": record.id, "answers": answers, "phases": phases, "report": report}
