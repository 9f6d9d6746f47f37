"""Restore a component's backup for no other reason than to see that it works: asked, measured, and removed again.

The verdicts are those of ``restore_drill``. Nothing is put back into service, and nothing of the system is touched.
"""

from __future__ import annotations

from dr.catalog.component_kind import ComponentKind
from dr.catalog.drills import DrillRecord
from dr.catalog.labels import Kind
from dr.errors import DrError
from dr.operations.component.drill.conclude import ComponentProgress
from dr.operations.drill.require import require
from dr.policy.component_draw import ComponentRequest
from dr.policy.drill_method import USUAL
from dr.policy.objectives import Scenario
from tasks.component_drill import (
    draw_component,
    explain_component,
    judge_component,
    question_component,
    restore_component,
)
from tasks.drill import NOT_OF_THE_BACKUP, leaving_nothing, look_back, tear_down
from tasks.evidence import keep
from tasks.exclusive import exclusive
from tasks.reporting_drill import show_drawn, show_drill, show_outlook
from tasks.runner import flow


@flow(name="component-drill", flow_run_name="component-drill-{system}", when_done=keep)
def component_drill(
    system: str,
    kind: ComponentKind,
    backup: str = "",
    scenario: Scenario = USUAL,
    seed: int = 0,
    stores: tuple[str, ...] = (),
) -> DrillRecord:
    """Drill the recovery of one component.

    Args:
        system: Name of the protected system (its ProtectedSystem block); empty for the only one.
        kind: Which component.
        backup: Use this one, by its label, or "random" for any there is; empty for the newest.
        scenario: Whose RTO the drill is held against.
        seed: Draws the backup where that is random; 0 for a new one, which is recorded.
        stores: Restore from these stores only; empty for whatever a recovery would use.
    """
    request = ComponentRequest(Kind(kind), backup, scenario, seed, tuple(stores))
    progress = ComponentProgress()
    with exclusive(system, "drill", require_postgres=False), leaving_nothing(progress):
        try:
            with progress.stopwatch.phase("choose"):
                progress.drawn = draw_component(system, request)
            show_drawn(progress.drawn)
            with progress.stopwatch.phase("restore"):
                progress.restored = restore_component(system, progress.drawn)
            progress.answered = question_component(system, progress.drawn)
        except NOT_OF_THE_BACKUP:
            raise
        except DrError as error:
            progress.faults = explain_component(system, request, progress, error)
        record = judge_component(system, request, progress)
        kept = tear_down(system, progress.copy, record)
    show_drill(record, kept)
    show_outlook(look_back(system))
    require(record, kept)
    return record
