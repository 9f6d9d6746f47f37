"""Side restore: one table or schema as it was at a moment, beside what is there now. The application goes on."""

from __future__ import annotations

from dr.operations.side_restore import SideRestored
from dr.policy.recovery_plan import RecoveryPlan
from dr.policy.recovery_target import parse_recovery_target
from dr.postgres.set_aside import parse_wanted
from tasks.evidence import keep
from tasks.recovery import find, plan, restore_backup
from tasks.reporting import show_plan, show_side_restore
from tasks.runner import flow
from tasks.side import bring_back, check_place, temporary_place


@flow(name="side-restore", flow_run_name="side-restore-{system}", when_done=keep)
def side_restore(
    system: str = "",
    table: str = "",
    schema_name: str = "",
    as_schema: str = "",
    into: str = "",
    file: str = "",
    backup: str = "latest",
    dry_run: bool = False,
    target_time: str = "",
    target_lsn: str = "",
    target_xid: str = "",
    target_name: str = "",
    immediate: bool = False,
    exclusive: bool = False,
    timeline: str = "",
) -> SideRestored | RecoveryPlan:
    """Bring one table or schema back beside the running one.

    Args:
        system: Name of the protected system (its ProtectedSystem block); empty for the only one.
        table: The table as SQL writes it, with its schema: public.orders. Partitions come with their parent.
        schema_name: Or a whole schema, by its name.
        as_schema: The new schema that it goes into; empty for recovered_ and the time.
        into: Database that it goes into, as postgresql://USER@HOST/NAME without a password, or env:NAME of a variable
            of the worker that holds the address. Empty: the system's own address; its role must be able to make a
            schema.
        file: Or a file on the worker, ending in .sql.gz.gpg, instead of the running database.
        backup: "latest", or the label of the base backup to begin with.
        dry_run: Stop after the plan.
        target_time: As it was at this moment, with time zone (2026-01-31T02:00:00+00:00), by the server's clock.
        target_lsn: Or at this place in the WAL (16/B374D848).
        target_xid: Or after this transaction.
        target_name: Or at this restore point (pg_create_restore_point).
        immediate: Or as the base backup has it. Without any target: as the newest WAL has it.
        exclusive: Just before the time, LSN or transaction instead of just after it.
        timeline: Follow this timeline; empty for the newest.
    """
    wanted = parse_wanted(table, schema_name)
    until = parse_recovery_target(
        time=target_time,
        lsn=target_lsn,
        xid=target_xid,
        name=target_name,
        immediate=immediate,
        exclusive=exclusive,
        timeline=timeline,
    )
    target = check_place(system, as_schema, file, into)
    with temporary_place(system) as place:
        chosen = find(system, backup, place, until)
        agreed = plan(system, chosen)
        show_plan(agreed)
        if dry_run:
            return agreed
        restore_backup(system, chosen)
        brought = bring_back(system, chosen, wanted, target)
    show_side_restore(brought)
    brought.require()
    return brought
