"""The first region is gone: fence it, prove that, promote the second, and lead everybody there."""

from __future__ import annotations

from dr.operations.region.look import RegionLook
from dr.operations.region.outcome import FailedOver
from dr.policy.objectives import Scenario
from dr.policy.recovery_target import aware_time
from dr.policy.traffic_side import Side
from tasks.approval import approved
from tasks.course import course, give_up
from tasks.evidence import keep
from tasks.exclusive import exclusive
from tasks.incident import incident
from tasks.region import (
    back_up_second,
    begin_second,
    check_standby,
    claim_for_second,
    fence_first,
    look_at_both,
    loss_of,
    plan_traffic,
    promote_second,
    rearm_second,
    replay_stored,
    switch,
    verify_second,
)
from tasks.region_report import failed_over, failover_plan, is_going_on, show_failover, show_look
from tasks.region_resume import FENCE, REPLAY, second_took_over
from tasks.runner import flow
from tasks.systems import load_system

PROCEDURE = "region-failover"


@flow(name=PROCEDURE, flow_run_name="region-failover-{system}", when_done=keep)
def region_failover(
    system: str = "",
    dry_run: bool = False,
    confirm_name: str = "",
    fenced_by: str = "",
    without_archive: bool = False,
    without_backup: bool = False,
    disaster_at: str = "",
    anew: bool = False,
) -> FailedOver | RegionLook:
    """Put the second region in charge.

    Args:
        system: Name of the protected system (its ProtectedSystem block); empty for the only one.
        dry_run: Look at both regions and stop.
        confirm_name: The system's name, typed. Empty: a form asks for it.
        fenced_by: Who has seen with his own eyes that the first region's server cannot write any more, where nothing
            else proves it. The name goes into the record.
        without_archive: Do not replay WAL that the stores have and the replica lacks: it is lost.
        without_backup: Take no base backup of the new primary; the next daily backup does.
        disaster_at: When the region went, with time zone (2026-01-31T02:00:00+00:00): the recovery time counts from it.
        anew: Begin anew instead of going on with a run that was cut off.
    """
    settings = load_system(system, require_postgres=False)
    seen = look_at_both(system)
    going_on = is_going_on(settings, PROCEDURE) and not anew
    show_look(seen)
    if dry_run:
        return seen
    if not going_on:
        check_standby(seen)
    what = "fail over to the second region"
    since = aware_time(disaster_at) if disaster_at else None
    approval = approved(system, what, failover_plan(settings, seen), typed=confirm_name)

    with (
        incident(system, Scenario.DATA_CENTER_OUTAGE, "failover to the second region", disaster_at=since) as case,
        exclusive(system, "failover", require_postgres=False),
        course(settings, PROCEDURE, {}, anew=anew) as steps,
    ):
        case.approval(approval, what)
        done = second_took_over(system, steps)
        give_up(settings, "fail-back", steps)
        if fenced_by:
            case.decision(f"{fenced_by} says that the first region's server is fenced")
        # As long as nobody was promoted, what an earlier run has proven may not hold any more.
        do = steps.step if done else steps.anew
        fenced = do(FENCE, fence_first, system, fenced_by, steps.earlier(FENCE, fence_first))
        replayed = do(REPLAY, replay_stored, system, without_archive, fenced, steps.earlier(REPLAY, replay_stored))
        steps.step("claim the timeline", claim_for_second, system, steps.journal.name)
        took = steps.step("promote the second region", promote_second, system, fenced)
        services = steps.step("begin the application", begin_second, system)
        changes = steps.step("plan the traffic", plan_traffic, system, Side.STANDBY)
        again = steps.journal.was_begun("switch the traffic")
        led = steps.step("switch the traffic", switch, system, Side.STANDBY, changes, again)
        findings = steps.step("verify the second region", verify_second, system)
        lost = steps.step("measure the loss", loss_of, system, took, replayed, fenced, since, steps.journal.begun_at)
        rearmed = steps.step("keep its WAL", rearm_second, system)
        label = "" if without_backup else steps.step("back up the second region", back_up_second, system)
        outcome = failed_over(
            settings, steps, fenced, replayed, took, services, led, findings, lost, rearmed, label, since
        )
        case.note(f"allowed because: {'; '.join(outcome.reasons)}")
        case.measured(outcome.took.server, outcome.verdict, outcome.phases, outcome.lost.loss, outcome.lost.explanation)

    show_failover(outcome)
    return outcome
