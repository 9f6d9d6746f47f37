"""Every month: the data centre is gone, and only the other region's store is left to recover from."""

from __future__ import annotations

from dr.policy.drill_method import Method
from dr.policy.objectives import Scenario
from flows.any_drill import drill_of
from tasks.drill_series import Series, drills_of, stores_of_other_regions
from tasks.evidence import keep
from tasks.runner import flow


@flow(name="dr-test", flow_run_name="dr-test-{system}", when_done=keep)
def dr_test(system: str = "", seed: int = 0) -> list[dict[str, str]]:
    """Drill a data-centre outage: the newest of every kind, from the stores of other regions alone.

    Args:
        system: Name of the protected system (its ProtectedSystem block); empty for the only one.
        seed: Kept with the evidence.
    """
    stores = stores_of_other_regions(system)
    series = Series(system)
    for what in series.applicable(drills_of(system)):
        if what is Method.RECONCILE:
            series.leave_out(what, "compared every week, from all stores")
            continue
        series.drill(what, drill_of(system, what, Scenario.DATA_CENTER_OUTAGE, seed=seed, stores=stores))
    return series.conclude()
