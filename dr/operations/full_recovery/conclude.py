"""Putting what the steps gave together: phases from the journal, losses from the canary and the backups' times."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from dr.catalog.canary import Beat
from dr.configuration.model import System
from dr.errors import DrError
from dr.evidence.findings import Loss, held_against
from dr.evidence.full_outcome import FullOutcome, PartOutcome
from dr.evidence.journal import Journal
from dr.evidence.journal_events import Event
from dr.evidence.phases import Phase
from dr.operations.full_recovery.database import RecoveredDatabase
from dr.operations.full_recovery.kinds import BY_KIND
from dr.operations.full_recovery.parts import RestoredPart
from dr.operations.measure_loss import loss_between
from dr.policy.full_plan import FullPlan, Then
from dr.policy.objectives import Scenario

EVERYWHERE = "until everybody is led here"


@dataclass(frozen=True, slots=True)
class Reached:
    """What the steps of one run gave. ``failed`` are errors by the name of the part.

    ``at`` is when the product could be used again, ``seconds`` how long this process had taken until then. ``last`` is
    the canary row that this host knew of before anything was started, ``state`` what became of the database, in words.
    """

    database: RecoveredDatabase | None
    parts: Mapping[str, RestoredPart]
    failed: Mapping[str, DrError]
    verified: str
    unverified: tuple[str, ...]
    switched: tuple[str, ...]
    everywhere_seconds: float
    seconds: float
    at: datetime
    todo: tuple[str, ...]
    notes: tuple[str, ...]
    last: Beat | None = None
    state: str = "in service"


def conclude(
    system: System, plan: FullPlan, journal: Journal, reached: Reached, disaster_at: datetime | None
) -> FullOutcome:
    """The outcome."""
    # Between an earlier run and this one the product may have lived on somewhere: that is lost as well.
    since = disaster_at or max(event.at for event in journal.events if event.what == "open")
    loss = _loss(reached, disaster_at, since)
    # Between processes only the wall clock goes on; within one it is the one that can be set.
    taken = (reached.at - journal.begun_at).total_seconds() if journal.resumed else reached.seconds
    objective = system.objectives[Scenario.FULL_SYSTEM_FAILURE]
    verdict = held_against(objective, taken + reached.everywhere_seconds, loss)
    phases = phases_of(journal.events)
    if reached.everywhere_seconds:
        phases = (*phases, Phase(EVERYWHERE, taken, taken + reached.everywhere_seconds))
    return FullOutcome(
        system=system.name,
        point=plan.point,
        run=journal.name,
        begun=journal.begun_at,
        resumed=journal.resumed,
        parts=_parts(plan, reached, since, loss),
        phases=phases,
        loss=loss,
        verdict=verdict,
        verified=reached.verified,
        blocked=blocked(plan, reached.failed, reached.unverified),
        switched=reached.switched,
        todo=reached.todo,
        notes=(*reached.notes, *(reached.database.notes if reached.database else ())),
        exercise=plan.exercise,
    )


def blocked(plan: FullPlan, failed: Mapping[str, DrError], unverified: Sequence[str]) -> tuple[str, ...]:
    """Why people should not be led here yet: a part that the product needs, or what verification found."""
    needed = {part.name for part in plan.parts if BY_KIND[part.kind].needed} | {"database"}
    return (*(f"{name}: {error.message}" for name, error in failed.items() if name in needed), *unverified)


def phases_of(events: Sequence[Event]) -> tuple[Phase, ...]:
    """Every step that ended, in seconds since the first run began; what a step of several attempts took is its last."""
    origin = events[0].at
    begun: dict[str, datetime] = {}
    phases = []
    for event in events:
        if event.what == "begin":
            begun[event.step] = event.at
        elif event.what == "end" and event.step in begun:
            begin = (begun[event.step] - origin).total_seconds()
            phases.append(Phase(event.step, begin, (event.at - origin).total_seconds(), event.seconds))
    return tuple(sorted(phases, key=lambda phase: (phase.begin, phase.end)))


def _loss(reached: Reached, disaster_at: datetime | None, since: datetime) -> Loss | None:
    if reached.database is None:
        return None
    found = reached.database
    return loss_between(
        reached.last,
        found.canary,
        disaster_at,
        ended=since,
        committed=found.last_commit,
        complete_until=found.complete_until,
    )


def _parts(plan: FullPlan, reached: Reached, since: datetime, loss: Loss | None) -> tuple[PartOutcome, ...]:
    rows = []
    if plan.database is not None:
        found, error = reached.database, reached.failed.get("database")
        rows.append(
            PartOutcome(
                name="database",
                label=found.label if found else plan.database.label,
                store=found.store if found else "",
                state=reached.state if found else error.message if error else "not reached",
                detail=f"{found.tables} tables, {found.rows} rows; {found.reached}" if found else "",
                failed=found is None,
                lost_seconds=loss.seconds if loss else None,
            )
        )
    for part in plan.parts:
        restored, error = reached.parts.get(part.name), reached.failed.get(part.name)
        left = f"in {restored.directory}" if restored and part.then is Then.LEFT else ""
        rows.append(
            PartOutcome(
                name=part.name,
                label=part.label,
                store=restored.store if restored else "",
                state=error.message if error else str(part.then) if restored else "not reached",
                detail=left or (f"{restored.count} items, {restored.bytes / 1e6:.1f} MB" if restored else ""),
                failed=error is not None or restored is None,
                lost_seconds=max((since - part.taken).total_seconds(), 0.0),
            )
        )
    return tuple(rows)
