"""The corruption playbook: production's own data directory is replaced by a copy that has proven itself.

Every step is kept on this host: a run that was cut off is gone on with by running it again.
"""

from __future__ import annotations

from datetime import datetime

from dr.evidence.in_place import RecoveredInPlace, Undone
from dr.operations.database.plan_in_place import InPlace
from dr.policy.objectives import Scenario
from dr.policy.recovery_plan import RecoveryPlan
from tasks.approval import approved
from tasks.corruption import plan
from tasks.corruption_course import InPlaceRecovery
from tasks.corruption_undo import plan_undo, undo_course
from tasks.corruption_unfinished import PROCEDURE, UNDO, require_recent, served_since, with_unfinished
from tasks.course import course
from tasks.incident import incident
from tasks.reporting import show_plan
from tasks.reporting_in_place import plan_text, show_in_place, show_undone
from tasks.systems import load_system


def recover_in_place(
    system: str,
    wanted: InPlace,
    scenario: Scenario,
    *,
    disaster_at: datetime | None,
    dry_run: bool,
    confirm_name: str,
    even_so: bool,
    anew: bool,
) -> RecoveredInPlace | RecoveryPlan:
    """Recover into production's place. ``even_so``: also where nothing but indexes is damaged."""
    settings = load_system(system)
    agreed = with_unfinished(settings, wanted, plan(system, wanted), anew=anew)
    show_plan(agreed)
    if dry_run:
        return agreed
    require_recent(settings, wanted, anew=anew)
    what = f"replacing the data directory of {settings.name} by a recovered one"
    approval = approved(system, what, plan_text(agreed), typed=confirm_name)
    overtaken = not anew and served_since(settings, wanted)
    with (
        incident(system, scenario, what, disaster_at=disaster_at) as told,
        course(settings, PROCEDURE, wanted.parameters, anew=anew or overtaken) as steps,
    ):
        told.approval(approval, what)
        if overtaken:
            told.decision("begin anew: PostgreSQL has served since a run was cut off, and its copy lacks that")
        recovery = InPlaceRecovery(system, wanted, steps, told)

        recovery.begin()
        if not wanted.swap:
            recovery.stop_application()
        recovery.look_at_damage(even_so=even_so)
        recovery.copy_what_is_left()
        if not wanted.swap:
            recovery.stop_database()
        recovery.choose_target()
        recovery.make_the_copy()
        if wanted.swap:
            recovery.stop_application()
            recovery.stop_database()
        recovery.measure_loss(disaster_at)
        recovery.exchange()
        recovery.start_database()
        recovery.erase_meanwhile()
        recovery.start_application()

        outcome = recovery.conclude(scenario)
        told.outcome(outcome.outcome)
    show_in_place(outcome)
    return outcome


def undo_in_place(system: str, *, dry_run: bool, confirm_name: str, anew: bool) -> Undone:
    """Put the directory back that the last recovery has set aside; what has taken its place is kept too."""
    settings = load_system(system)
    wanted = plan_undo(system, anew)
    if dry_run:
        return wanted
    what = f"putting the old data directory of {settings.name} back"
    approval = approved(system, what, "\n".join(wanted.lines()), typed=confirm_name)
    with (
        incident(system, Scenario.DATABASE_CORRUPTION, what) as case,
        course(settings, UNDO, {"kept": wanted.aside}, anew=anew) as steps,
    ):
        case.approval(approval, what)
        undone = undo_course(system, wanted, steps)
    show_undone(undone)
    return undone
