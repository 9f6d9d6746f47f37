"""The quarterly drill: prepare, measure, break a test system, recover it by the real procedure, compare, report."""

from __future__ import annotations

from dr.evidence.quarterly import Preparation, Quarterly
from dr.operations.simulate.plan import SimulationPlan
from dr.policy.objectives import Scenario
from flows.any_recovery import recover_from
from tasks.approval import approved
from tasks.evidence import keep
from tasks.incident import incident
from tasks.quarterly import Drill, measure_after, measure_before, require_preparation, verify
from tasks.runner import flow
from tasks.simulate import make, plan_disaster, show_simulation, show_simulation_plan


@flow(name="quarterly-drill", flow_run_name="quarterly-drill-{system}", when_done=keep)
def quarterly_drill(
    system: str = "",
    scenario: Scenario = Scenario.DATABASE_CORRUPTION,
    window_scheduled: bool = False,
    stakeholders_told: bool = False,
    environment_prepared: bool = False,
    dry_run: bool = False,
    confirm_name: str = "",
    seconds: float = 300.0,
    seed: int = 0,
) -> Quarterly | SimulationPlan:
    """Drill one disaster on a test system from end to end, against the clock.

    Args:
        system: Name of the protected system (its ProtectedSystem block), a test system; empty for the only one.
        scenario: Which disaster, and whose objectives it is held against.
        window_scheduled: A maintenance window is scheduled.
        stakeholders_told: All stakeholders have been told.
        environment_prepared: The test environment is prepared: backups are fresh, nobody else works on it.
        dry_run: Stop after the plan.
        confirm_name: The system's name, typed; empty: the run waits for a form to be answered.
        seconds: How long the counting of rows, and each other question that reads tables, may take.
        seed: Draws the pages that a database corruption overwrites; 0 draws anew.
    """
    plan = plan_disaster(system, scenario)
    text = show_simulation_plan(plan)
    if dry_run:
        return plan
    preparation = Preparation(window_scheduled, stakeholders_told, environment_prepared)
    require_preparation(preparation)
    agreed = approved(system, f"quarterly drill: {scenario}", text, typed=confirm_name)

    what = f"quarterly drill: {scenario}"
    with incident(system, scenario, what, drill=True, close=True) as record:
        record.approval(agreed, what)
        before, expected = measure_before(system, seconds)
        drill = Drill(system, scenario, preparation, before)
        error: BaseException | None = None
        try:
            made = make(system, plan, seed)
            drill.made(made, record)
            show_simulation(system, made)
            back = recover_from(plan.system, scenario, made.at)
            found = verify(system, expected, seconds)
            drill.verified(found, record, restored=back.restored, loss=back.loss)
            drill.compared(measure_after(system, seconds))
        except BaseException as raised:
            error = raised
            raise
        finally:
            result = drill.ended(error)
    result.require()
    return result
