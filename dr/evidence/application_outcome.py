"""What a recovery of the application came to, as values and as rows and lines that a person reads. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from dr.evidence.phases import Phase, merge
from dr.policy.objectives import Scenario, Verdict

Row = dict[str, str | float | int | None]
SCENARIO = Scenario.APPLICATION_FAILURE
NO_LOSS = "nothing was restored: the database keeps all that it had committed"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One way that was tried. ``problem`` is empty when the application was healthy afterwards.

    ``what`` says in words what was done, ``services`` to which; ``releases`` is not empty after going back to an older
    release: what each service runs now.
    """

    what: str
    services: tuple[str, ...]
    phases: tuple[Phase, ...]
    problem: str = ""
    releases: tuple[str, ...] = ()

    @property
    def healthy(self) -> bool:
        return not self.problem


@dataclass(frozen=True, slots=True)
class ApplicationRecovered:
    """The recovery as a whole. ``seconds`` run from its begin to the last healthy answer; nothing is ever restored."""

    system: str
    attempts: tuple[Attempt, ...]
    answers: tuple[str, ...]
    warmed: tuple[str, ...]
    verdict: Verdict
    answered: bool = True
    """Whether every address gave a healthy answer in the end: an attempt that was healthy may be an hour old."""

    @property
    def healthy(self) -> bool:
        return self.answered and (not self.attempts or self.attempts[-1].healthy)

    @property
    def rolled_back(self) -> tuple[str, ...]:
        """What runs an older release now, as ``SERVICE: RELEASE``."""
        return self.attempts[-1].releases if self.attempts else ()

    @property
    def phases(self) -> tuple[Phase, ...]:
        return merge(tuple(phase for attempt in self.attempts for phase in attempt.phases))

    def lines(self) -> list[str]:
        """What to tell people, the worst first."""
        told = [
            f"ROLLED BACK, {text}: the release after it did not come. Do not deploy it again."
            for text in self.rolled_back
        ]
        for attempt in self.attempts:
            end = "healthy" if attempt.healthy else "NOT healthy"
            told.append(f"{attempt.what}: {', '.join(attempt.services) or 'nothing'}; {end} afterwards")
        if not self.attempts:
            told.append("Every service runs and the application is healthy: nothing was done.")
        return [*told, *self.answers, *self.warmed]


def outcome_rows(outcome: ApplicationRecovered) -> list[Row]:
    """The totals against RTO and RPO, then one row per phase."""
    verdict = outcome.verdict
    totals: list[Row] = [
        {
            "what": "RTO: begin to healthy",
            "seconds": round(verdict.rto_seconds, 3),
            "target": verdict.objective.rto_seconds,
            "met": "yes" if verdict.rto_met and outcome.healthy else "NO",
            "note": "",
        },
        {
            "what": "RPO: commits lost",
            "seconds": verdict.rpo_seconds,
            "target": verdict.objective.rpo_seconds,
            "met": "yes" if verdict.rpo_met else "NO",
            "note": NO_LOSS,
        },
    ]
    return totals + [
        {"what": phase.name, "seconds": round(phase.seconds, 3), "target": None, "met": "", "note": phase.note}
        for phase in outcome.phases
    ]
