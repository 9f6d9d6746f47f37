"""Every month: recover the whole system as if all of it were gone, from whatever store has it."""

from __future__ import annotations

from dr.policy.objectives import Scenario
from flows.any_drill import drill_of
from tasks.drill_series import Series, drills_of
from tasks.evidence import keep
from tasks.runner import flow


@flow(name="full-dr-test", flow_run_name="full-dr-test-{system}", when_done=keep)
def full_dr_test(system: str = "", seed: int = 0) -> list[dict[str, str]]:
    """Drill the loss of everything: the newest there is of every kind, held against the objectives of a full failure.

    Args:
        system: Name of the protected system (its ProtectedSystem block); empty for the only one.
        seed: Draws what is drilled; 0 for a new one, which is recorded.
    """
    series = Series(system)
    for what in series.applicable(drills_of(system)):
        series.drill(what, drill_of(system, what, Scenario.FULL_SYSTEM_FAILURE, seed=seed))
    return series.conclude()
