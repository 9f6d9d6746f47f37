"""The drill of whatever can be drilled, ready to be made: a way to recover the database, or a component."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from dr.catalog.drills import DrillRecord
from dr.operations.drill_outlook import Drillable
from dr.policy.drill_draw import LATEST
from dr.policy.drill_method import USUAL, Method
from dr.policy.objectives import Scenario
from flows.component_drill import component_drill
from flows.restore_drill import restore_drill


def drill_of(
    system: str, what: Drillable, scenario: Scenario | None = None, *, seed: int = 0, stores: tuple[str, ...] = ()
) -> Callable[[], DrillRecord]:
    """The newest there is of it. Without a scenario: the one that it is mostly recovered in."""
    if isinstance(what, Method):
        usual = scenario or Scenario.DATABASE_CORRUPTION
        return partial(restore_drill, system, usual, what, LATEST, seed=seed, stores=stores)
    return partial(component_drill, system, what, scenario=scenario or USUAL, seed=seed, stores=stores)
