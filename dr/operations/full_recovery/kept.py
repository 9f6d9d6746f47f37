"""What an unfinished full recovery has done: its plan, which a second run goes on with, and its journal for people."""

from __future__ import annotations

from pathlib import Path

from dr.aws import tags as ours
from dr.configuration.model import System
from dr.errors import DrError
from dr.evidence.journal import read_journal, require_recent, unfinished
from dr.evidence.journal_events import Event, decoded_result
from dr.operations.full_recovery.places import journals, room
from dr.operations.full_recovery.wish import Wish
from dr.policy.full_plan import FullPlan

PLAN = "plan"
MAKE, LAUNCH = "make ", "launch images"
"""Steps that make machines: of the first kind there is one for each module, whose name follows."""


def kept_plan(parent: Path, system: System, wish: Wish) -> FullPlan | None:
    """The plan of the newest unfinished run of the same wish, with what it has done; None where there is none.

    Raises ``TargetRefused`` for one that is too old to be gone on with.
    """
    for directory, opening in unfinished(parent, wish.procedure, system.name):
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


def made_before(system: System, wish: Wish) -> tuple[str, ...]:
    """What runs that are not gone on with had begun to make outside of this host: made again, it is there twice.

    Back to the last run that came to its end: what that one has made is in service.
    """
    told: list[str] = []
    for directory in sorted(journals(system).glob(f"{wish.procedure}_*"), reverse=True):
        try:
            events = read_journal(directory)
        except DrError:
            continue  # damaged, or a newer program's
        if events and events[-1].what == "close" and not events[-1].text:
            break
        begun = dict.fromkeys(event.step for event in events if event.what == "begin" and _makes(event.step))
        if begun:
            run = directory.name
            told.append(
                f"{run}, which is not gone on with, had begun to {' and to '.join(begun)}, which this plan does once"
                f" more. Remove what is there twice: servers by the tag {ours.LABEL}={run}, infrastructure by its"
                f" state below {room(system, run)}"
            )
    return tuple(told)


def _makes(step: str) -> bool:
    return step == LAUNCH or step.startswith(MAKE)


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
