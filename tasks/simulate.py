"""Steps of a simulated disaster: each a task around one operation. None is tried again: a disaster is made once."""

from __future__ import annotations

from dr.evidence.approvals import account
from dr.operations.simulate import make as making
from dr.operations.simulate import plan as planning
from dr.operations.simulate import undo as undoing
from dr.operations.simulate.others import other_systems
from dr.operations.simulate.plan import UNDO, SimulationPlan
from dr.operations.simulate.quarantine import Simulation, find_simulation, quarantine_of
from dr.policy.objectives import Scenario
from tasks.runner import publish_markdown, task
from tasks.systems import load_system

HOUR = 3600


@task(name="look whether it is a test system", timeout_seconds=300)
def plan_disaster(system: str, scenario: Scenario) -> SimulationPlan:
    """What will be done; refuses production, by its configuration, by its mark, and by who it is."""
    settings = load_system(system)
    return planning.plan_simulation(settings, scenario, other_systems(settings.name))


@task(name="make the disaster", timeout_seconds=HOUR)
def make(system: str, plan: SimulationPlan, seed: int) -> Simulation:
    """Kill, overwrite, take away, each noted beforehand."""
    settings = load_system(system)
    return making.make_disaster(settings, plan, other_systems(settings.name), by=account(), seed=seed)


@task(name="find what was done", timeout_seconds=60)
def find_made(system: str, wanted: str) -> Simulation:
    """The simulation that is to be undone."""
    return find_simulation(load_system(system, require_postgres=False), wanted).simulation


@task(name="undo the disaster", timeout_seconds=HOUR)
def undo(system: str, made: Simulation) -> Simulation:
    """Put everything back; what has come in its place is kept aside."""
    return undoing.undo_simulation(load_system(system, require_postgres=False), made.id)


def show_simulation_plan(plan: SimulationPlan) -> str:
    """Publish the plan; the same text, for who has to agree."""
    return _show(plan.lines(), f"What simulating a {plan.scenario} will do")


def show_undo_plan(made: Simulation) -> str:
    """The same of undoing one."""
    return _show(undoing.undo_plan(made), "What undoing the disaster will do")


def _show(lines: tuple[str, ...], description: str) -> str:
    text = "\n".join(("```", *lines, "```"))
    publish_markdown("simulation-plan", text, description)
    return text


def show_simulation(system: str, made: Simulation) -> None:
    """What was done, how to recover, how to undo."""
    place = quarantine_of(load_system(system, require_postgres=False)) / made.id
    lines = [
        f"# {made.scenario} of {made.system}",
        f"* all was well until {made.at:%Y-%m-%d %H:%M:%S.%f} UTC",
        *(f"* {text}" for text in made.killed),
        *((f"* {len(made.pages.pages)} pages of {made.pages.table} overwritten",) if made.pages is not None else ()),
        *(f"* {taken.place} taken away" for taken in made.taken),
        *(f"* {text}" for text in made.notes),
        f"* kept in `{place}`: remove it when nobody wants it back",
        *(
            (f"* undone at {made.undone_at:%Y-%m-%d %H:%M:%S} UTC",)
            if made.undone_at is not None
            else (f"* recover with: `{planning.RECOVER[made.scenario]}`", f"* undo with: `{UNDO}`")
        ),
    ]
    publish_markdown("simulation", "\n".join(lines), "The disaster in short")
