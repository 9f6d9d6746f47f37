"""Every week: recover the database in every way there is, to a random second, where nothing gets out."""

from __future__ import annotations

from functools import partial

from dr.policy.drill_method import RANDOM
from dr.policy.objectives import Scenario
from flows.restore_drill import restore_drill
from tasks.drill_series import Series, methods_of
from tasks.evidence import keep
from tasks.runner import flow


@flow(name="database-recovery-test", flow_run_name="database-recovery-test-{system}", when_done=keep)
def database_recovery_test(system: str = "", seed: int = 0) -> list[dict[str, str]]:
    """Drill one protected system: physical to a random second, its newest dump, and one against the other.

    Args:
        system: Name of the protected system (its ProtectedSystem block); empty for the only one.
        seed: Draws what is drilled; 0 for a new one, which is recorded.
    """
    series = Series(system)
    for method in series.applicable(methods_of(system)):
        one = partial(restore_drill, system, Scenario.DATABASE_CORRUPTION, method, RANDOM, seed=seed)
        series.drill(method, one)
    return series.conclude()
