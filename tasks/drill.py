"""Steps of a drill: each a task around one operation. What goes wrong in one is a result, told by ``explain``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from dr.catalog.drills import DrillRecord
from dr.catalog.manifest import Level
from dr.errors import ConfigurationError, DrError, Interrupted, LeaseHeld
from dr.operations.drill import conclude as concluding
from dr.operations.drill import draw as drawing
from dr.operations.drill import lay_out as laying_out
from dr.operations.drill import place
from dr.operations.drill import question as questioning
from dr.operations.drill.conclude import Progress
from dr.operations.drill.course import Course
from dr.operations.drill.draw import Drawn
from dr.operations.drill.faults import diagnose, fault
from dr.operations.drill.keep_proofs import keep_proofs
from dr.operations.drill.question import Questioned
from dr.operations.drill_history import keep_drill
from dr.operations.drill_outlook import Outlook, look_out
from dr.operations.restore import Restored
from dr.operations.wal.hurry import hurry
from dr.policy.drill_draw import DrillRequest
from dr.policy.drill_verdict import Probe, Verdict
from tasks.runner import current_record, task
from tasks.systems import load_system

HOUR = 3600
NOT_OF_THE_BACKUP = (ConfigurationError, Interrupted, LeaseHeld)
"""Errors of whoever asked, or of nobody: they end a drill without a verdict."""


@task(name="draw the drill", retries=2, timeout_seconds=600)
def draw_drill(system: str, request: DrillRequest) -> Drawn:
    """Which backup, up to which second: by the seed. A receiver on this host stores what it has first."""
    settings = load_system(system, require_postgres=False)
    hurry(settings)
    return drawing.draw(settings, request)


@task(name="restore the copy", retries=1, timeout_seconds=24 * HOUR)
def restore_copy(system: str, drawn: Drawn) -> Restored:
    """Fetch, decrypt, unpack; of a dump: globals first, into a new server of the same major."""
    return laying_out.lay_out(load_system(system, require_postgres=False), drawn)


@task(name="question the copy", timeout_seconds=12 * HOUR)
def question_copy(system: str, drawn: Drawn) -> Questioned:
    """Boot it where nothing gets out, and ask it everything."""
    return questioning.question(load_system(system, require_postgres=False), drawn)


@task(name="find the first failing level", timeout_seconds=12 * HOUR)
def explain(system: str, request: DrillRequest, progress: Progress, error: DrError) -> tuple[Probe, ...]:
    """What the error says about the backup, or about this host."""
    if progress.drawn is None:
        return (fault("choose", error, Level.STORED),)
    if progress.restored is not None:
        return (fault("question", error, Level.BOOTED),)
    settings = drawing.limited_to(load_system(system, require_postgres=False), request.stores)
    return diagnose(settings, progress.drawn, "restore", error, Level.RESTORED)


@task(name="judge the drill", retries=2, timeout_seconds=600)
def judge_drill(system: str, request: DrillRequest, progress: Progress) -> DrillRecord:
    """The verdict, kept as a record in every store."""
    settings = load_system(system, require_postgres=False)
    this = current_record()
    record = concluding.conclude(settings, request, progress, run=this.id, procedure=this.within or this.flow)
    keep_drill(settings, record)
    if progress.drawn is not None:
        keep_proofs(settings, progress.drawn, progress.restored, record)
    return record


@task(name="look at the history", retries=2, timeout_seconds=600)
def look_back(system: str) -> Outlook:
    """A year of drills, whether the system is proven, and the forecast."""
    now = datetime.now(UTC)
    return look_out(load_system(system, require_postgres=False), now, now - timedelta(days=365))


@contextmanager
def leaving_nothing(progress: Course) -> Iterator[None]:
    """Remove the copy when a drill ends without a verdict: it is what was backed up, in plain."""
    try:
        yield
    except BaseException:
        if progress.copy is not None:
            place.remove(progress.copy)
        raise


@task(name="tear down", timeout_seconds=HOUR)
def tear_down(system: str, copy: Path | None, record: DrillRecord) -> str:
    """Remove the copy. A red one stays for people to look into, in the directory that is returned."""
    if copy is None:
        return ""
    if record.verdict == Verdict.NOT_RECOVERABLE:
        kept = place.keep(load_system(system, require_postgres=False), copy, "; ".join(record.reasons))
        return str(kept or "")
    place.remove(copy)
    return ""
