"""``dr verify-backup``: read stored copies again, and say which are still what was stored."""

from __future__ import annotations

from typing import Annotated

import typer

from dr.cli.runners import name_of_system, procedures, record_of_last_run, tables_of
from dr.cli.session import Session


def verify_backup(
    session: Session,
    label: Annotated[
        str, typer.Argument(metavar="[LABEL]", show_default=False, help="Only this backup (else what is due today).")
    ] = "",
    store: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", show_default=False, help="With LABEL: only the copy in this store. Repeatable."),
    ] = None,
    days: Annotated[int, typer.Option(min=1, help="Read every copy at least once in so many days.")] = 14,
    wal: Annotated[bool, typer.Option("--wal/--no-wal", help="Read today's share of the WAL too.")] = True,
    remote: Annotated[bool, typer.Option("--remote", help="Have the Prefect worker do it, and wait for it.")] = False,
) -> None:
    """Read stored backups and WAL again.

    Fetches each copy whole, compares its hash, decrypts and unpacks it where
    the key is here, and counts a dump's tables and rows. Without LABEL: what is
    due today, of every store. Exit code 9: a copy is damaged or missing.

    Examples:
      dr verify-backup
      dr verify-backup base_20240101_020000_full --store cloud
    """
    if remote:
        from dr.cli.remote import run_remotely

        parameters = {"backup": label, "stores": list(store or ()), "days": days, "wal": wal}
        run_remotely(session, "integrity-test", parameters)
        return
    system = name_of_system(session)
    try:
        with procedures(session):
            from flows.integrity_test import integrity_test

            integrity_test(system=system, backup=label, stores=tuple(store or ()), days=days, wal=wal)
    finally:
        _show(session)


def _show(session: Session) -> None:
    """Whatever was read is told, also when the run ended badly: the error comes after it."""
    record = record_of_last_run()
    if record is None:
        return
    tables = tables_of(record)
    copies, shares = tables.get("integrity-copies", []), tables.get("integrity-wal", [])
    session.output.table("Copies read again", copies)
    session.output.table("WAL read again", shares)
    session.output.document.update(run=record.id, runner=record.runner, copies=copies, wal=shares)
    if record.outcome == "completed":
        segments = sum(int(row["read"] or 0) for row in shares)
        session.output.say(f"{len(copies)} copies and {segments} WAL segments read; all are what was stored.")
