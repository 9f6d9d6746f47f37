"""Bring the application back: look, plan, confirm, restart what is down, wait until it is healthy, go back if not."""

from __future__ import annotations

from dr.evidence.application_outcome import SCENARIO, ApplicationRecovered
from dr.operations.application.plan import ApplicationPlan
from tasks.application import (
    PROCEDURE,
    Clock,
    another_outage,
    ask,
    attempts,
    conclude,
    look,
    pin,
    require_alone,
    require_healthy,
    require_well,
    settings_of,
    warm,
)
from tasks.approval import approved
from tasks.course import course
from tasks.evidence import keep
from tasks.incident import incident
from tasks.reporting_application import plan_text, show_application, show_application_plan
from tasks.runner import flow


@flow(name="recover-application", flow_run_name="recover-application-{system}", when_done=keep)
def recover_application(
    system: str = "",
    services: str = "",
    everything: bool = False,
    dry_run: bool = False,
    confirm_name: str = "",
    anew: bool = False,
) -> ApplicationRecovered | ApplicationPlan:
    """Bring back the application of one protected system.

    Args:
        system: Name of the protected system (its ProtectedSystem block); empty for the only one.
        services: Restart these services only, by name, separated by spaces. Empty: what is down.
        everything: Restart every service of the application, also those that run.
        dry_run: Stop after the plan.
        confirm_name: The system's name, typed. Empty: a form asks for it.
        anew: Begin again, instead of going on with a run that was cut off.
    """
    clock = Clock()
    agreed = look(system, services, everything)
    show_application_plan(agreed)
    if dry_run:
        return agreed
    if agreed.nothing:
        require_well(agreed)
        return agreed
    require_alone(system, services)
    settings = settings_of(system)
    what = f"recovery of the application of {settings.name}"
    approval = approved(system, what, plan_text(agreed), typed=confirm_name)
    wish = {"services": services, "everything": str(everything)}
    with incident(system, SCENARIO, what) as told:
        told.approval(approval, what)
        with course(settings, PROCEDURE, wish, anew=anew or another_outage(settings)) as steps:
            require_alone(system, services)  # an approval may have taken an hour
            plan = steps.step("plan", pin, agreed)
            made = attempts(steps, system, plan)
            clock.stop(steps.journal)
            warmed = steps.step("warm the caches", warm, system) if made[-1].healthy else ()
            outcome = conclude(system, made, clock.seconds, ask(system), warmed)
        for text in outcome.rolled_back:
            told.decision(f"rolled back, {text}: the newer release did not come")
        show_application(outcome)
        require_healthy(outcome)
        told.measured("application", outcome.verdict, outcome.phases)
    return outcome
