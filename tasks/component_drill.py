"""Steps of a component's drill; what every drill has in common is in ``tasks/drill.py``."""

from __future__ import annotations

from dr.catalog.drills import DrillRecord
from dr.catalog.manifest import Level
from dr.errors import DrError
from dr.operations.component.drill import conclude as concluding
from dr.operations.component.drill import draw as drawing
from dr.operations.component.drill import lay_out as laying_out
from dr.operations.component.drill import question as questioning
from dr.operations.component.drill.conclude import ComponentProgress
from dr.operations.component.drill.draw import DrawnComponent
from dr.operations.component.drill.question import Answered
from dr.operations.component.restore import RestoredComponent
from dr.operations.drill.draw import limited_to
from dr.operations.drill.faults import diagnose_copies, fault
from dr.operations.drill.keep_proofs import keep_proofs_of
from dr.operations.drill_history import keep_drill
from dr.policy.component_draw import ComponentRequest
from dr.policy.drill_verdict import Probe
from tasks.runner import current_record, task
from tasks.systems import load_system

HOUR = 3600


@task(name="draw the component's drill", retries=2, timeout_seconds=600)
def draw_component(system: str, request: ComponentRequest) -> DrawnComponent:
    """Which backup, and a private directory for the copy."""
    return drawing.draw_component(load_system(system, require_postgres=False), request)


@task(name="restore the component", retries=1, timeout_seconds=24 * HOUR)
def restore_component(system: str, drawn: DrawnComponent) -> RestoredComponent:
    """Fetch, decrypt, unpack, from the first store that has it whole."""
    return laying_out.lay_out_component(load_system(system, require_postgres=False), drawn)


@task(name="question the component", timeout_seconds=12 * HOUR)
def question_component(system: str, drawn: DrawnComponent) -> Answered:
    """Is it what was backed up, and does it work?"""
    return questioning.question_component(load_system(system, require_postgres=False), drawn)


@task(name="find the first failing level", timeout_seconds=12 * HOUR)
def explain_component(
    system: str, request: ComponentRequest, progress: ComponentProgress, error: DrError
) -> tuple[Probe, ...]:
    """What the error says about the backup, or about this host."""
    if progress.drawn is None:
        return (fault("choose", error, Level.STORED),)
    if progress.restored is not None:
        return (fault("question", error, Level.QUERIED),)
    settings = limited_to(load_system(system, require_postgres=False), request.stores)
    return diagnose_copies(settings, (progress.drawn.found,), "restore", error, Level.RESTORED)


@task(name="judge the drill", retries=2, timeout_seconds=600)
def judge_component(system: str, request: ComponentRequest, progress: ComponentProgress) -> DrillRecord:
    """The verdict, kept as a record in every store, and beside the copies that were used."""
    settings = load_system(system, require_postgres=False)
    this = current_record()
    record = concluding.conclude(settings, request, progress, run=this.id, procedure=this.within or this.flow)
    keep_drill(settings, record)
    if progress.drawn is not None:
        used = (progress.restored.store,) if progress.restored else None
        keep_proofs_of(settings, (progress.drawn.found,), used, record)
    return record
