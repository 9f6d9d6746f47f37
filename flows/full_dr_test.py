"""Every month: recover the whole system as if all of it were gone, from whatever store has it."""

from __future__ import annotations

from functools import partial

from dr.policy.drill_draw import LATEST
from dr.policy.objectives import Scenario
from flows.restore_drill import restore_drill
from tasks.drill_series import Series, methods_of
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
    for method in series.applicable(methods_of(system)):
        one = partial(restore_drill, system, Scenario.FULL_SYSTEM_FAILURE, method, LATEST, seed=seed)
        series.drill(method, one)
    return series.conclude()
