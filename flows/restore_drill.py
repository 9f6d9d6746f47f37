"""Restore a backup for no other reason than to see that it works: where nothing gets out, measured, and removed again.

The verdict is one of three. *Not recoverable* names the first failing level; *inconclusive* says that this host lacked
something, and nothing about the backup; only *recoverable* ends well.
"""

from __future__ import annotations

from dr.catalog.drills import DrillRecord
from dr.errors import DrError
from dr.operations.drill.conclude import Progress
from dr.operations.drill.require import require
from dr.policy.drill_draw import DrillRequest
from dr.policy.drill_method import RANDOM, Method
from dr.policy.objectives import Scenario
from tasks.drill import (
    NOT_OF_THE_BACKUP,
    draw_drill,
    explain,
    judge_drill,
    leaving_nothing,
    look_back,
    question_copy,
    restore_copy,
    tear_down,
)
from tasks.evidence import keep
from tasks.exclusive import exclusive as one_at_a_time
from tasks.reporting_drill import show_drawn, show_drill, show_outlook
from tasks.runner import flow


@flow(name="restore-drill", flow_run_name="restore-drill-{system}", when_done=keep)
def restore_drill(
    system: str = "",
    scenario: Scenario = Scenario.DATABASE_CORRUPTION,
    method: Method = Method.PHYSICAL,
    target: str = RANDOM,
    backup: str = "",
    seed: int = 0,
    stores: tuple[str, ...] = (),
    timeline: str = "",
    exclusive: bool = False,
) -> DrillRecord:
    """Drill one protected system's recovery.

    Args:
        system: Name of the protected system (its ProtectedSystem block); empty for the only one.
        scenario: Whose objectives (RTO, RPO) the drill is held against.
        method: "physical" (base backup and WAL), "logical" (a dump, globals first), or "reconcile" (a base backup
            recovered to a dump's very snapshot, and compared with it).
        target: "random" (a second of the recoverable window), "latest", "immediate", a time with zone, or an LSN.
        backup: Use this one only, by its label; empty to choose.
        seed: Draws the random second; 0 for a new one, which is recorded.
        stores: Restore from these stores only; empty for whatever a recovery would use.
        timeline: Follow this timeline; empty for the newest.
        exclusive: Stop just before the target instead of just after it.
    """
    request = DrillRequest(scenario, method, target, backup, tuple(stores), seed, timeline, exclusive)
    progress = Progress()
    with one_at_a_time(system, "drill", require_postgres=False), leaving_nothing(progress):
        try:
            with progress.stopwatch.phase("choose"):
                progress.drawn = draw_drill(system, request)
            show_drawn(progress.drawn)
            with progress.stopwatch.phase("restore"):
                progress.restored = restore_copy(system, progress.drawn)
            progress.questioned = question_copy(system, progress.drawn)
        except NOT_OF_THE_BACKUP:
            raise
        except DrError as error:
            progress.faults = explain(system, request, progress, error)
        record = judge_drill(system, request, progress)
        kept = tear_down(system, progress.copy, record)
    show_drill(record, kept)
    show_outlook(look_back(system))
    require(record, kept)
    return record
