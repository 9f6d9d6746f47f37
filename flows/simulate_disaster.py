"""Make a disaster on a test system: look whether it is one, plan, ask, do, and say how to recover and how to undo."""

from __future__ import annotations

from dr.operations.simulate.plan import SimulationPlan
from dr.operations.simulate.quarantine import Simulation
from dr.policy.objectives import Scenario
from tasks.approval import approved
from tasks.evidence import keep
from tasks.runner import flow
from tasks.simulate import (
    find_made,
    make,
    plan_disaster,
    show_simulation,
    show_simulation_plan,
    show_undo_plan,
    undo,
)


@flow(name="simulate-disaster", flow_run_name="simulate-disaster-{system}", when_done=keep)
def simulate_disaster(
    system: str = "",
    scenario: Scenario = Scenario.DATABASE_CORRUPTION,
    dry_run: bool = False,
    confirm_name: str = "",
    seed: int = 0,
) -> Simulation | SimulationPlan:
    """Break a test system on purpose. Production is refused, whatever is typed here.

    Args:
        system: Name of the protected system (its ProtectedSystem block); empty for the only one.
        scenario: Which disaster: pages of a table overwritten, services killed, or data taken away as well.
        dry_run: Stop after the plan.
        confirm_name: The system's name, typed; empty: the run waits for a form to be answered.
        seed: Draws the pages that are overwritten; 0 draws anew.
    """
    plan = plan_disaster(system, scenario)
    text = show_simulation_plan(plan)
    if dry_run:
        return plan
    approved(system, f"simulate a {scenario}", text, typed=confirm_name)
    made = make(system, plan, seed)
    show_simulation(system, made)
    return made


@flow(name="undo-simulation", flow_run_name="undo-simulation-{system}", when_done=keep)
def undo_simulation(
    system: str = "", simulation: str = "", dry_run: bool = False, confirm_name: str = ""
) -> Simulation:
    """Put back what a simulated disaster took away.

    Args:
        system: Name of the protected system; empty for the only one.
        simulation: Which one, by its id; empty for the newest that was not undone.
        dry_run: Stop after the plan.
        confirm_name: The system's name, typed; empty: the run waits for a form to be answered.
    """
    made = find_made(system, simulation)
    text = show_undo_plan(made)
    if dry_run:
        return made
    approved(system, f"undo the {made.scenario}", text, typed=confirm_name)
    undone = undo(system, made)
    show_simulation(system, undone)
    return undone
