"""Back to the first region: its old server becomes a replica, catches up, and takes over without any loss."""

from __future__ import annotations

from dr.operations.region.look import RegionLook
from dr.operations.region.outcome import FailedBack
from dr.policy.objectives import Scenario
from dr.policy.traffic_side import Side
from tasks.approval import approved
from tasks.course import course, give_up
from tasks.evidence import keep
from tasks.exclusive import exclusive
from tasks.incident import incident
from tasks.region import (
    begin_first,
    catch_up_first,
    claim_for_first,
    end_second,
    follow_first,
    hand_over,
    keep_first_out,
    list_diverged,
    look_back,
    plan_traffic,
    promote_first,
    rearm_first,
    rebuild_first,
    start_first,
    switch,
    verify_first,
)
from tasks.region_report import failback_plan, failed_back, prepared, show_failback, show_look
from tasks.region_resume import HAND_OVER, first_took_over
from tasks.runner import flow
from tasks.systems import load_system

PROCEDURE = "fail-back"


@flow(name=PROCEDURE, flow_run_name="fail-back-{system}", when_done=keep)
def fail_back(
    system: str = "", dry_run: bool = False, confirm_name: str = "", prepare_only: bool = False, anew: bool = False
) -> FailedBack | RegionLook:
    """Put the first region in charge again. Runs on the host of its server.

    Args:
        system: Name of the protected system (its ProtectedSystem block); empty for the only one.
        dry_run: Look at both regions and stop.
        confirm_name: The system's name, typed. Empty: a form asks for it.
        prepare_only: Rebuild the first region's server as a replica and stop there; the next run goes on.
        anew: Begin anew instead of going on with a run that was cut off.
    """
    settings = load_system(system, require_postgres=False)
    seen = look_back(system)
    show_look(seen)
    if dry_run:
        return seen
    what = "go back to the first region"
    approval = approved(system, what, failback_plan(settings, seen), typed=confirm_name)

    with (
        incident(system, Scenario.DATA_CENTER_OUTAGE, "return to the first region") as case,
        exclusive(system, "failover", require_postgres=False),
        course(settings, PROCEDURE, {}, anew=anew) as steps,
    ):
        case.approval(approval, what)
        done = first_took_over(system, steps)
        out = steps.step("keep the old server out", keep_first_out, system)
        diverged = steps.step("list what only it has", list_diverged, system)
        case.note(str(diverged))
        rebuilt = steps.step("rebuild it as a replica", rebuild_first, system, diverged)
        steps.step("start the replica", start_first, system)
        steps.step("wait until it has caught up", catch_up_first, system)
        if prepare_only:
            return prepared(settings, out, diverged, rebuilt)

        changes = steps.step("plan the traffic", plan_traffic, system, Side.PRIMARY)
        # From here on the failover is undone; what can refuse is asked before the application ends.
        give_up(settings, "region-failover", steps)
        steps.step("claim the timeline", claim_for_first, system, steps.journal.name)
        steps.step("end the application", end_second, system)
        steps.step("wait until it is level", catch_up_first, system)
        # As long as nobody was promoted, that the second region's server is down may not hold any more.
        shut = steps.step if done else steps.anew
        handed = shut(HAND_OVER, hand_over, system, steps.journal.was_begun(HAND_OVER))
        took = steps.step("promote the first region", promote_first, system, handed)
        steps.step("begin the application", begin_first, system)
        again = steps.journal.was_begun("switch the traffic")
        led = steps.step("switch the traffic", switch, system, Side.PRIMARY, changes, again)
        findings = steps.step("verify the first region", verify_first, system)
        rearmed = steps.step("keep its WAL", rearm_first, system)
        follows = steps.step("let the second region follow", follow_first, system)
        outcome = failed_back(settings, steps, out, diverged, rebuilt, handed, took, led, findings, follows, rearmed)

    show_failback(outcome)
    return outcome
