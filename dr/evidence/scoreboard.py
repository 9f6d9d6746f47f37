"""A recovery against its objective, as rows that a person reads. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dr.evidence.findings import Check, Loss
from dr.evidence.phases import Phase
from dr.policy.loss import Certainty
from dr.policy.objectives import Scenario, Verdict

Row = dict[str, str | float | int | None]


@dataclass(frozen=True, slots=True)
class RecoveryOutcome:
    """What a recovery achieved. ``seconds`` runs from the beginning of the run to the last check.

    ``reached`` says where replay ended, in PostgreSQL's words; empty for a dump.
    """

    label: str
    kind: str
    target: str
    store: str
    scenario: Scenario
    seconds: float
    phases: tuple[Phase, ...]
    checks: tuple[Check, ...]
    loss: Loss
    verdict: Verdict
    tables: int
    rows: int
    notes: tuple[str, ...]
    reached: str = ""

    @property
    def phase_seconds(self) -> dict[str, float]:
        """Each phase's time at work; those that stream overlap, so they add up to more than the whole."""
        return {phase.name: round(phase.seconds, 3) for phase in self.phases}


def phase_rows(outcome: RecoveryOutcome) -> list[Row]:
    """The totals against RTO and RPO, then one row per phase: of a long table Prefect shows the first ten rows."""
    origin = min((phase.begin for phase in outcome.phases), default=0.0)
    verdict = outcome.verdict
    return [
        _total("RTO", verdict.rto_seconds, verdict.objective.rto_seconds, "yes" if verdict.rto_met else "no"),
        _total("RPO", rpo_figure(verdict), verdict.objective.rpo_seconds, verdict.rpo_answer, verdict.rpo_certainty),
        *(
            {
                "phase": phase.name,
                "begin": round(phase.begin - origin, 2),
                "end": round(phase.end - origin, 2),
                "seconds at work": round(phase.seconds, 2),
                "MB": round(phase.bytes / 1e6, 1) if phase.bytes is not None else None,
                "target": None,
                "met": None,
                "certainty": None,
            }
            for phase in outcome.phases
        ),
    ]


def rpo_figure(verdict: Verdict) -> float | None:
    """The seconds that stand in a table; what they are worth stands beside them (``certainty``)."""
    return verdict.rpo_at_most if verdict.rpo_seconds is None else verdict.rpo_seconds


def _total(name: str, seconds: float | None, target: float, met: str, certainty: Certainty = Certainty.MEASURED) -> Row:
    return {
        "phase": name,
        "begin": None,
        "end": None,
        "seconds at work": round(seconds, 2) if seconds is not None else None,
        "MB": None,
        "target": target,
        "met": met,
        "certainty": str(certainty),
    }


def check_rows(checks: Sequence[Check]) -> list[Row]:
    """One row per check."""
    return [{"check": item.name, "passed": "yes" if item.passed else "NO", "detail": item.detail} for item in checks]
