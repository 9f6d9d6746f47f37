"""Runs of the playbook that were cut off: what they have done, and whether that may still be gone on with."""

from __future__ import annotations

from pathlib import Path

from dr.configuration.model import System
from dr.evidence import journal
from dr.evidence.journal import read_journal, unfinished
from dr.evidence.journal_events import Event, decoded_result
from dr.operations.database import place
from dr.operations.database.plan_in_place import InPlace
from dr.operations.database.stage import Staged
from dr.policy.recovery_plan import RecoveryPlan
from tasks.course import place_of

PROCEDURE = "recover-db-in-place"
UNDO = "undo-recovery"
COPY = "restore beside, question and re-erase"
LAST_RAN = "note when PostgreSQL last ran"
EXCHANGE = "exchange the directories"
FORGET = "erase who was forgotten meanwhile"


def with_unfinished(system: System, wanted: InPlace, plan: RecoveryPlan, *, anew: bool) -> RecoveryPlan:
    """The plan, with what an earlier run has done already, and what becomes of it."""
    said = [
        f"{directory.name} was cut off; after this it cannot be gone on with"
        for directory, _ in unfinished(place_of(system), UNDO, system.name)
    ]
    found = None if anew else _unfinished(system, wanted)
    if found is not None:
        directory, events = found
        done = ", ".join(event.step for event in events if event.what == "end")
        name = f"{directory.name}, which began at {events[0].at:%Y-%m-%d %H:%M:%S} UTC"
        if served_since(system, wanted):
            said.append(f"begins anew and not with {name}: PostgreSQL has served since, and its copy lacks that")
        else:
            said.append(f"goes on with {name}; done already: {done}")
            if EXCHANGE in {event.step for event in events if event.what == "end"}:
                said.append(
                    "its copy is in production's place: nothing is restored again, only started (--anew restores)"
                )
    return plan.with_warnings(tuple(said)) if said else plan


def require_recent(system: System, wanted: InPlace, *, anew: bool) -> None:
    """Raise ``TargetRefused`` rather than go on with a run of another day; here, before anybody is asked to agree."""
    found = None if anew else _unfinished(system, wanted)
    if found is not None:
        journal.require_recent(found[0])


def served_since(system: System, wanted: InPlace) -> bool:
    """Whether production has been written to after the WAL that an unfinished run goes by: its copy must not be used.

    It has when the server was not stopped yet, or has been started since, after a reboot, say.
    """
    found = _unfinished(system, wanted)
    if found is None:
        return False
    ended = {event.step: event for event in found[1] if event.what == "end"}
    data = place.data_directory(system)
    if EXCHANGE in ended or not data.exists():
        return False
    if COPY in ended and place.identity_of(data) == decoded_result(ended[COPY], Staged).identity:
        return False  # both renames were done when it was cut off
    if LAST_RAN not in ended:
        return COPY in ended
    noted: int = decoded_result(ended[LAST_RAN], int)
    return place.last_ran(data) != noted


def _unfinished(system: System, wanted: InPlace) -> tuple[Path, tuple[Event, ...]] | None:
    for directory, first in unfinished(place_of(system), PROCEDURE, system.name):
        if first.parameters == wanted.parameters:
            return directory, read_journal(directory)
    return None
