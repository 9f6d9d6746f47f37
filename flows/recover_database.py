"""Recover a database: find, plan, confirm, restore, boot, question, and say how long it took and what was lost."""

from __future__ import annotations

from dr.evidence.in_place import RecoveredInPlace, Undone
from dr.evidence.scoreboard import RecoveryOutcome
from dr.operations.database.plan_in_place import InPlace, as_search
from dr.policy.objectives import Scenario
from dr.policy.recovery_plan import RecoveryPlan
from dr.policy.recovery_target import parse_recovery_target
from flows.in_place import recover_in_place, undo_in_place
from tasks.corruption import search
from tasks.evidence import keep
from tasks.outcome import RecoveryClock, judge
from tasks.recovery import confirm, find, keep_rates, loss, plan, question, restore_backup, see_charge
from tasks.reporting import show_plan, show_recovery
from tasks.reporting_in_place import show_search
from tasks.runner import flow


@flow(name="recover-database", flow_run_name="recover-database-{system}", when_done=keep)
def recover_database(
    system: str = "",
    backup: str = "latest",
    to: str = "",
    scenario: Scenario = Scenario.DATABASE_CORRUPTION,
    dry_run: bool = False,
    confirm_name: str = "",
    disaster_at: str = "",
    target_time: str = "",
    target_lsn: str = "",
    target_xid: str = "",
    target_name: str = "",
    immediate: bool = False,
    exclusive: bool = False,
    timeline: str = "",
    in_place: bool = False,
    swap: bool = False,
    before_corruption: bool = False,
    good_when: str = "",
    trials: int = 20,
    no_emergency_copy: str = "",
    even_so: bool = False,
    undo: bool = False,
    anew: bool = False,
) -> RecoveryOutcome | RecoveryPlan | RecoveredInPlace | Undone:
    """Recover one protected system's database.

    Args:
        system: Name of the protected system (its ProtectedSystem block); empty for the only one.
        backup: "latest", a label, or the path of a backup file.
        to: Empty directory for a base backup; for a dump postgresql://USER@HOST/NAME without a password, or env:NAME
            of a variable of the worker that holds the address. Empty: a new directory under the state directory.
        scenario: Whose objectives (RTO, RPO) the recovery is held against.
        dry_run: Stop after the plan.
        confirm_name: The system's name, typed, when production itself is replaced. Empty: a form asks for it.
        disaster_at: When it happened, with time zone (2026-01-31T02:00:00+00:00); what was lost is counted until then.
        target_time: Recover to this moment, with time zone (2026-01-31T02:00:00+00:00), by the server's clock.
        target_lsn: Recover to this place in the WAL (16/B374D848).
        target_xid: Recover up to and with this transaction.
        target_name: Recover to this restore point (pg_create_restore_point).
        immediate: Stop as soon as the base backup is consistent. Without any target: to the newest WAL.
        exclusive: Stop just before the time, LSN or transaction instead of just after it.
        timeline: Follow this timeline; empty for the newest.
        in_place: Stop the application and PostgreSQL, recover beside production's data directory, and exchange the
            two when the copy has proven itself. The old one is kept.
        swap: The same, but production answers until the copy is ready: the shortest outage. What it commits meanwhile
            is not in the copy.
        before_corruption: Search, in copies on trial, for the last moment that was good.
        good_when: SQL that is true in a good database; empty: every page, row and index can be read and fits.
        trials: How many copies the search may make.
        no_emergency_copy: The reason for replacing what is there without copying out of it what can be read.
        even_so: In place, also where nothing but indexes is damaged.
        undo: Put back what the last recovery in place has set aside; nothing else is done.
        anew: In place or undo: begin again, instead of going on with a run that was cut off.
    """
    clock = RecoveryClock(disaster_at)
    if undo:
        return undo_in_place(system, dry_run=dry_run, confirm_name=confirm_name, anew=anew)
    until = parse_recovery_target(
        time=target_time,
        lsn=target_lsn,
        xid=target_xid,
        name=target_name,
        immediate=immediate,
        exclusive=exclusive,
        timeline=timeline,
    )
    if in_place or swap:
        wanted = InPlace(backup, until, swap, before_corruption, good_when, trials, no_emergency_copy)
        return recover_in_place(
            system,
            wanted,
            scenario,
            disaster_at=clock.disaster_at,
            dry_run=dry_run,
            confirm_name=confirm_name,
            even_so=even_so,
            anew=anew,
        )
    told: tuple[str, ...] = ()
    if before_corruption and not dry_run:
        with clock.phase("search"):
            good = search(system, good_when, trials)
        show_search(good)
        backup, until, told = good.label, good.until, good.lines()
    with clock.phase("find"):
        chosen = find(system, backup, to, until)
        agreed = plan(system, chosen).with_warnings(see_charge(system, chosen))
    if before_corruption and dry_run:
        agreed = as_search(agreed, good_when, trials)
    show_plan(agreed)
    if dry_run:
        return agreed
    confirm(system, agreed, confirm_name)

    restored = restore_backup(system, chosen)
    copy = question(system, chosen)
    clock.stop()
    lost = loss(system, copy, clock.disaster_at, clock.begun_at)

    # Asked again: it may have restored for hours.
    told = (*told, *see_charge(system, chosen))
    outcome = judge(system, scenario, clock, chosen, restored, copy, lost, told)
    show_recovery(outcome)
    keep_rates(system, chosen, outcome)
    copy.require(outcome.label)
    return outcome
