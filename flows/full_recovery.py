"""Bring a whole product back on a host that has nothing but a repository, a key and a configuration.

Every step is kept on this host: a run that was cut off is gone on with by running it again.
"""

from __future__ import annotations

from dr.errors import ConfigurationError
from dr.evidence.full_outcome import FullOutcome
from dr.operations.full_recovery.kept import PLAN
from dr.operations.full_recovery.wish import parse_wish
from dr.policy.full_plan import FullPlan
from dr.policy.objectives import Scenario
from tasks.approval import approved
from tasks.course import course
from tasks.evidence import keep
from tasks.full_recovery import conclude, draw_up_plan, pin, settings_of
from tasks.full_recovery_course import Recovery
from tasks.incident import incident
from tasks.outcome import RecoveryClock
from tasks.reporting_full import plan_text, show_full_plan, show_full_recovery
from tasks.runner import flow


@flow(name="full-recovery", flow_run_name="full-recovery-{system}", when_done=keep)
def full_recovery(
    system: str = "",
    point: str = "",
    before: str = "",
    database: str = "",
    without: str = "",
    dry_run: bool = False,
    confirm_name: str = "",
    disaster_at: str = "",
    switch_anyway: bool = False,
    anew: bool = False,
    agreed_point: str = "",
    exercise: bool = False,
) -> FullOutcome | FullPlan:
    """Recover one protected system with everything that belongs to it.

    Args:
        system: Name of the protected system (its ProtectedSystem block); empty for the only one.
        point: Label of a recovery point; empty for the newest of which everything is there and whole.
        before: No point after this moment, with time zone (2026-01-31T02:00:00+00:00).
        database: "newest" to lose as little as possible, or "point" to have everything of one moment. Empty: newest,
            unless a point or a moment was named.
        without: Parts to leave out, separated by commas: logs, code, images, ...
        dry_run: Stop after the plan.
        confirm_name: The system's name, typed. Empty: a form asks for it.
        disaster_at: When it happened, with time zone (2026-01-31T02:00:00+00:00); what was lost is counted until then.
        switch_anyway: Lead traffic here although verification did not pass. It is recorded.
        anew: Begin again, instead of going on with a run that was cut off.
        agreed_point: The point of the plan that was agreed to beforehand; another one is refused.
        exercise: For practice, beside a production that lives: everything is recovered on this host, and nothing
            outside of it is changed. Without it: refused where another region's server is in charge.
    """
    wish = parse_wish(point, before, database, without, exercise=exercise)
    if exercise and switch_anyway:
        raise ConfigurationError("an exercise leads nobody anywhere", hint="Leave --switch-anyway out.")
    clock = RecoveryClock(disaster_at)
    agreed = draw_up_plan(system, wish, anew, agreed_point)
    show_full_plan(agreed)
    if dry_run:
        return agreed
    settings = settings_of(system, exercise)
    what = f"EXERCISE: full recovery of {settings.name}" if exercise else f"full recovery of {settings.name}"
    approval = approved(system, what, plan_text(agreed), typed=confirm_name)
    with (
        incident(
            system, Scenario.FULL_SYSTEM_FAILURE, what, disaster_at=clock.disaster_at, drill=exercise, close=exercise
        ) as told,
        course(settings, wish.procedure, wish.parameters, anew=anew) as steps,
    ):
        told.approval(approval, what)
        for line in agreed.elsewhere:
            told.note(line)
        plan = steps.step(PLAN, pin, agreed)
        recovery = Recovery(system, settings, plan, steps, told)

        recovery.tell_people()
        recovery.restore_beside_each_other()
        recovery.bring_to_their_places()
        recovery.erase_the_forgotten()
        recovery.start_data()
        recovery.start_application()
        recovery.verify()
        recovery.switch_traffic(anyway=switch_anyway)
        recovery.restore_the_rest()
        recovery.protect_again()

        outcome = conclude(system, plan, steps.journal, recovery.reached(), clock.disaster_at)
        show_full_recovery(outcome)
        recovery.require_in_service(outcome)
        told.measured(plan.recovers, outcome.verdict, outcome.phases, outcome.loss)
    return outcome
