"""What an unfinished full recovery has done: its plan, which a second run goes on with, and its journal for people."""

from __future__ import annotations

from pathlib import Path

from dr.configuration.model import System
from dr.evidence.journal import read_journal, require_recent, unfinished
from dr.evidence.journal_events import Event, decoded_result
from dr.operations.full_recovery.places import PROCEDURE
from dr.operations.full_recovery.wish import Wish
from dr.policy.full_plan import FullPlan

PLAN = "plan"


def kept_plan(parent: Path, system: System, wish: Wish) -> FullPlan | None:
    """The plan of the newest unfinished run of the same wish, with what it has done; None where there is none.

    Raises ``TargetRefused`` for one that is too old to be gone on with.
    """
    for directory, opening in unfinished(parent, PROCEDURE, system.name):
        if opening.parameters != wish.parameters:
            continue
        events = read_journal(directory)
        pinned = next((event for event in events if event.what == "end" and event.step == PLAN), None)
        if pinned is None:
            return None
        require_recent(directory)
        plan: FullPlan = decoded_result(pinned, FullPlan)
        return plan.resumed(directory.name, steps_done(events))
    return None


def steps_done(events: tuple[Event, ...]) -> tuple[str, ...]:
    """The names of steps that ended, the plan left out."""
    return tuple(event.step for event in events if event.what == "end" and event.step != PLAN)


def status_rows(events: tuple[Event, ...]) -> list[dict[str, object]]:
    """One row per step: how it is, how often it was begun, how long its last attempt took."""
    rows: dict[str, dict[str, object]] = {}
    for event in events:
        if event.what not in ("begin", "end", "fail"):
            continue
        row = rows.setdefault(event.step, {"step": event.step, "state": "", "begun": 0, "seconds": None, "detail": ""})
        if event.what == "begin":
            row["begun"] = int(str(row["begun"])) + 1
            row.update(state="begun, not ended", seconds=None, detail="")
        else:
            state = "done" if event.what == "end" else "FAILED"
            row.update(state=state, seconds=event.seconds, detail=event.text.partition("\n")[0])
    return list(rows.values())
