"""The incident that a run belongs to: opened or joined when it begins, and told all its steps when it ends.

``with incident(...)`` stands around the body of a recovery's flow. What is noted within lies on this host's disk at
once; the stores get it when the run ends, however it ends, or with the next run's when they are away.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from dr.configuration.masking import mask_url
from dr.configuration.model import System
from dr.evidence.approvals import Approval, account
from dr.evidence.findings import Loss
from dr.evidence.incident import (
    Agreed,
    AnyEntry,
    Decision,
    Graded,
    Lost,
    Measured,
    Note,
    PhaseTime,
    RunBegan,
    RunEnded,
    StepTaken,
    Told,
)
from dr.evidence.phases import Phase
from dr.evidence.scoreboard import RecoveryOutcome
from dr.operations.incident.close import close_incident
from dr.operations.incident.open import open_or_join, write_entry
from dr.operations.incident.ship import ship_incidents
from dr.policy.objectives import Scenario, Verdict
from tasks.run import RunRecord, StepRecord
from tasks.runner import current_record
from tasks.systems import load_system


@dataclass(slots=True)
class IncidentRecord:
    """Writes into one incident. Every line is on disk when the call returns. Safe from any thread."""

    system: System
    id: str
    joined: bool
    scenario: Scenario
    drill: bool = False
    _agreed: set[datetime] = field(default_factory=set)

    def note(self, text: str) -> None:
        """What was seen or found out."""
        self._write(Note(_now(), account(), mask_url(text)))

    def decision(self, text: str) -> None:
        """What was chosen, by a person or by a rule, that might have gone another way."""
        self._write(Decision(_now(), account(), mask_url(text)))

    def told(self, whom: str, how: str, text: str = "") -> None:
        """Somebody was told, by which way."""
        self._write(Told(_now(), account(), whom, how, mask_url(text)))

    def severity(self, severity: str, reason: str) -> None:
        """As it was assessed."""
        self._write(Graded(_now(), account(), severity, mask_url(reason)))

    def approval(self, given: Approval, what: str = "") -> None:
        """Who agreed to a destructive step. ``approved`` within this incident has noted its own already."""
        if given.at in self._agreed:
            return
        self._agreed.add(given.at)
        self._write(Agreed(given.at, given.by, what or "a destructive step", str(given.how), mask_url(given.reason)))

    def outcome(self, outcome: RecoveryOutcome) -> None:
        """What a recovery of the database took and lost."""
        self.measured(outcome.label, outcome.verdict, outcome.phases, outcome.loss, outcome.reached)

    def measured(
        self, recovered: str, verdict: Verdict, phases: Sequence[Phase], loss: Loss | None = None, reached: str = ""
    ) -> None:
        """What a recovery of ``recovered`` took and lost, against what was wanted."""
        self._write(
            Measured(
                _now(),
                account(),
                scenario=str(self.scenario),
                recovered=recovered,
                rto_seconds=verdict.rto_seconds,
                rto_target=verdict.objective.rto_seconds,
                rpo_seconds=verdict.rpo_seconds,
                rpo_target=verdict.objective.rpo_seconds,
                phases=tuple(PhaseTime(phase.name, round(phase.seconds, 3)) for phase in phases),
                lost=_lost(loss, reached),
                run=current_record().id,
                rpo_at_most=verdict.rpo_at_most,
            )
        )

    def _write(self, entry: AnyEntry) -> None:
        write_entry(self.system, self.id, entry)


_current: ContextVar[IncidentRecord | None] = ContextVar("incident", default=None)


@contextmanager
def incident(
    system: str,
    scenario: Scenario,
    what: str,
    *,
    disaster_at: datetime | None = None,
    drill: bool = False,
    close: bool = False,
) -> Iterator[IncidentRecord]:
    """Join the open incident of this system on this host, or open one; ``what`` says in words what this run is for.

    A ``drill`` and a disaster are two incidents. Within a drill's own everything is part of the drill.

    At the end the run's steps are added, also of a run that failed, and the stores get all of it. ``close``: an
    incident that this run opened is closed with it when it ends well; otherwise people close it (``dr incident
    close``), when they have added what only they know.
    """
    settings = load_system(system, require_postgres=False)
    by = account()
    around = _current.get()
    drill = drill or (around is not None and around.drill and around.system.name == settings.name)
    there = open_or_join(settings, scenario, what, by=by, disaster_at=disaster_at, drill=drill)
    record = IncidentRecord(settings, there.incident.id, there.joined, scenario, drill)
    begun = current_record()
    write_entry(settings, record.id, RunBegan(_now(), by, begun.id, begun.flow, str(scenario), mask_url(what)))
    token = _current.set(record)
    error: BaseException | None = None
    try:
        yield record
    except BaseException as raised:
        error = raised
        raise
    finally:
        _current.reset(token)
        _end(record, error, close=close and not there.joined)


def note_approval(what: str, given: Approval) -> None:
    """Note an approval in the incident of this run, if it is part of one."""
    record = _current.get()
    if record is not None:
        record.approval(given, what)


def _end(record: IncidentRecord, error: BaseException | None, *, close: bool) -> None:
    """A failure to write is the run's only when it has none of its own."""
    try:
        ended = _run_ended(current_record(), error)
        write_entry(record.system, record.id, ended)
        if close and error is None:
            close_incident(record.system, record.id, by=ended.by, text="closed by the run that opened it")
        ship_incidents(record.system)
    except Exception as failure:
        if error is None:
            raise
        error.add_note(f"and incident {record.id} was not kept: {failure}")


def _run_ended(run: RunRecord, error: BaseException | None) -> RunEnded:
    now = _now()
    outcome = "completed" if error is None else ("failed" if isinstance(error, Exception) else "interrupted")
    return RunEnded(
        now,
        account(),
        run=run.id,
        flow=run.flow,
        outcome=outcome,
        seconds=round((now - run.begin).total_seconds(), 3),
        error=mask_url(f"{type(error).__name__}: {error}") if error is not None else "",
        steps=tuple(_step(run.begin, step) for step in run.steps),
    )


def _step(begin: datetime, step: StepRecord) -> StepTaken:
    end = None if step.end_seconds is None else begin + timedelta(seconds=step.end_seconds)
    at = begin + timedelta(seconds=step.begin_seconds)
    return StepTaken(step.name, step.attempt, at, end, str(step.outcome), step.error)


def _lost(loss: Loss | None, reached: str) -> Lost | None:
    if loss is None:
        return Lost(None, False, "not measured", reached=reached) if reached else None
    return Lost(loss.seconds, loss.measured, loss.explanation, loss.last, loss.restored, reached)


def _now() -> datetime:
    return datetime.now(UTC)
