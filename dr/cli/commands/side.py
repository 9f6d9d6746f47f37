"""``dr side-restore``: one table or schema as it was, beside what is there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from dr.cli import consent
from dr.cli.commands.target_options import (
    Exclusive,
    Immediate,
    TargetLsn,
    TargetName,
    TargetTime,
    TargetXid,
    Timeline,
    WantedPoint,
)
from dr.cli.output import plain
from dr.cli.plan import as_plan, show_plan
from dr.cli.runners import effective_configuration, procedures
from dr.cli.session import Session
from dr.cli.target import target_for_flow

if TYPE_CHECKING:
    from dr.operations.side_restore import SideRestored
    from dr.policy.recovery_plan import RecoveryPlan

Table = Annotated[
    str,
    typer.Option(metavar="NAME", show_default=False, help="The table as SQL writes it: public.orders."),
]
Schema = Annotated[str, typer.Option(metavar="NAME", show_default=False, help="Or a whole schema, by its name.")]
As = Annotated[
    str,
    typer.Option(
        "--as", metavar="SCHEMA", show_default=False, help="New schema that it goes into; recovered_<time> if left out."
    ),
]
Into = Annotated[
    str,
    typer.Option(
        metavar="DSN",
        show_default=False,
        help="Database that it goes into, by a role that may make a schema: postgresql://USER@HOST/NAME or env:NAME;"
        " the system's own address if left out.",
    ),
]
File = Annotated[
    str,
    typer.Option(
        metavar="FILE.sql.gz.gpg", show_default=False, help="A new encrypted file instead of the running database."
    ),
]
Backup = Annotated[
    str,
    typer.Argument(metavar="[LABEL]", show_default=False, help="The base backup to begin with; chosen when left out."),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show the plan and stop.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


def side_restore(
    session: Session,
    backup: Backup = "latest",
    table: Table = "",
    schema: Schema = "",
    as_schema: As = "",
    into: Into = "",
    file: File = "",
    dry_run: DryRun = False,
    yes: Yes = False,
    target_time: TargetTime = "",
    target_lsn: TargetLsn = "",
    target_xid: TargetXid = "",
    target_name: TargetName = "",
    immediate: Immediate = False,
    exclusive: Exclusive = False,
    timeline: Timeline = "",
) -> None:
    """Bring one table or schema back beside what is there.

    A copy of the cluster is recovered on this host to the point that a --target
    option names; what is wanted is loaded from it in one transaction, under a
    schema of its own. Nothing that the application uses is touched.

    Examples:
      dr side-restore --table public.orders --target-time 2026-01-31T01:59:59Z
      dr side-restore --schema billing --as billing_before --yes
      dr side-restore --table public.orders --file /srv/orders.sql.gz.gpg
    """
    point = WantedPoint(target_time, target_lsn, target_xid, target_name, immediate, exclusive, timeline)
    point.check()
    from dr.postgres.set_aside import parse_wanted

    parse_wanted(table, schema)
    system = effective_configuration(session).system

    def run(*, dry: bool) -> SideRestored | RecoveryPlan:
        with procedures(session):
            from flows.side_restore import side_restore as procedure

            return procedure(
                system=system.name,
                table=table,
                schema_name=schema,
                as_schema=as_schema,
                into=target_for_flow(into),
                file=file,
                backup=backup,
                dry_run=dry,
                **point.parameters(),
            )

    if dry_run or not (yes or system.auto_confirm):
        show_plan(session, as_plan(run(dry=True)), aside=session.output.json and not dry_run)
    if dry_run:
        session.output.say("Nothing was done: this was a dry run.")
        return
    consent.obtain(session, consent.Question(system.name, False), yes=yes, typed="", auto=system.auto_confirm)
    _show(session, run(dry=False))


def _show(session: Session, brought: SideRestored | RecoveryPlan) -> None:
    from dr.operations.side_restore import SideRestored, side_rows

    if not isinstance(brought, SideRestored):
        raise TypeError(f"a side restore came back with a {type(brought).__name__}")
    out = session.output
    out.document["side_restore"] = {
        "wanted": brought.wanted,
        "target": str(brought.target),
        "schema": brought.target.schema,
        "tables": side_rows(brought),
        "rows": brought.rows,
        "without": list(brought.cut),
        "reached": brought.reached,
        "checks": plain(brought.checks),
        "phases": {phase.name: round(phase.seconds, 3) for phase in brought.phases},
    }
    out.table(f"{brought.wanted}, as it was", side_rows(brought))
    out.say(f"{brought.wanted} is back in {brought.target}: {len(brought.tables)} tables, {brought.rows} rows.")
    for check in brought.checks:
        out.say(f"{check.name}: {check.detail}.")
    for tie in brought.cut:
        out.say(f"Without {tie}.")
    if brought.target.file is not None:
        out.say(f"To load it:  gpg -d {brought.target.file} | gunzip | psql DATABASE")
