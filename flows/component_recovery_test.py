"""Every week: bring back everything that is not the database, each by itself, and question it."""

from __future__ import annotations

from dr.policy.drill_method import Method
from flows.any_drill import drill_of
from tasks.drill_series import Series, drills_of
from tasks.evidence import keep
from tasks.runner import flow


@flow(name="component-recovery-test", flow_run_name="component-recovery-test-{system}", when_done=keep)
def component_recovery_test(system: str = "", seed: int = 0) -> list[dict[str, str]]:
    """Drill every component of one protected system: Redis, uploads, configuration, code, secrets, and so on.

    Args:
        system: Name of the protected system (its ProtectedSystem block); empty for the only one.
        seed: Draws what is drilled of a kind that is made in parts; 0 for a new one, which is recorded.
    """
    series = Series(system)
    components = {what: why_not for what, why_not in drills_of(system).items() if not isinstance(what, Method)}
    for what in series.applicable(components):
        series.drill(what, drill_of(system, what, seed=seed))
    return series.conclude()
