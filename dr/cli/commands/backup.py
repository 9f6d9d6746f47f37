"""``dr backup``: make, prove and store the backups of one system, then let old local copies go."""

from __future__ import annotations

import time
from typing import Annotated, Literal

import typer

from dr.cli.runners import name_of_system, procedures, record_of_last_run, tables_of
from dr.cli.session import Session

Kind = Literal["dump", "base", "all"]


def backup(
    session: Session,
    cloud: Annotated[
        bool, typer.Option("--cloud/--no-cloud", help="Store in every store, or on this machine only.")
    ] = False,
    retention_days: Annotated[
        int | None,
        typer.Option(
            min=1, show_default=False, help="Local copies older than this expire (else the system's own setting)."
        ),
    ] = None,
    kind: Annotated[Kind, typer.Option(help="The logical dump, the physical base backup, or both.")] = "all",
    full: Annotated[
        bool, typer.Option("--full", help="Make the base backup a full one, whether or not one is due.")
    ] = False,
    remote: Annotated[bool, typer.Option("--remote", help="Have the Prefect worker do it, and wait for it.")] = False,
) -> None:
    """Back up: dump and base backup, encrypted, stored, read back.

    The base backup is full once a week and in between holds what has changed,
    where the server can do that (PostgreSQL 17, summarize_wal = on).
    A backup is listed only after every copy of it was read back. Exit code 14:
    some of it is safe and some is not; nothing expires then.

    Examples:
      dr backup
      dr backup --cloud --retention-days 30
      dr backup --kind base --full
    """
    days, system = retention_days or 0, name_of_system(session)
    method = "full" if full else "auto"
    if remote:
        from dr.cli.remote import run_remotely

        parameters = {"cloud": cloud, "retention_days": days, "kind": kind, "base_method": method}
        run_remotely(session, "daily-backup", parameters)
        return
    begin = time.monotonic()
    try:
        with procedures(session):
            from dr.policy.base_schedule import BaseMethod
            from flows.daily_backup import BackupKind, daily_backup

            summary = daily_backup(
                system=system,
                cloud=cloud,
                retention_days=days,
                kind=BackupKind(kind),
                base_method=BaseMethod(method),
            )
        session.output.document["system"] = summary.system
    finally:
        _show(session, time.monotonic() - begin)


def _show(session: Session, seconds: float) -> None:
    """Whatever was made is told, also when the run ended badly: the error comes after it."""
    record = record_of_last_run()
    if record is None:
        return
    tables = tables_of(record)
    made, retention = tables.get("backups", []), tables.get("retention", [])
    session.output.table("Backups", made)
    session.output.table("Local copies", retention)
    session.output.document.update(
        run=record.id, runner=record.runner, seconds=round(seconds, 3), backups=made, retention=retention
    )
    if record.outcome == "completed":
        session.output.say(f"{len(made)} backups made and proven in {seconds:.1f} s.")
