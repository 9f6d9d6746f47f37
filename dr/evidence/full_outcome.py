"""What a full recovery achieved: every part, every phase, how much was lost, where requests go, what is left to do.

Pure: rows and lines for people.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from dr.evidence.findings import Loss
from dr.evidence.phases import Phase
from dr.evidence.scoreboard import Row, rpo_figure
from dr.policy.loss import Certainty
from dr.policy.objectives import Verdict


@dataclass(frozen=True, slots=True)
class PartOutcome:
    """``state`` is what became of it, in words; ``lost_seconds`` how old it was when the disaster struck."""

    name: str
    label: str
    store: str
    state: str
    detail: str
    failed: bool
    lost_seconds: float | None


@dataclass(frozen=True, slots=True)
class FullOutcome:
    """``begun`` is when the first run began; ``resumed``: more than one process was needed.

    ``blocked`` says what keeps people from the product: while it is not empty, traffic is switched only on demand.
    ``todo`` is the list of what people still have to do. ``exercise``: for practice; nobody was to be led to it.
    """

    system: str
    point: str
    run: str
    begun: datetime
    resumed: bool
    parts: tuple[PartOutcome, ...]
    phases: tuple[Phase, ...]
    loss: Loss | None
    verdict: Verdict
    verified: str
    blocked: tuple[str, ...]
    switched: tuple[str, ...]
    todo: tuple[str, ...]
    notes: tuple[str, ...]
    exercise: bool = False

    @property
    def in_service(self) -> bool:
        """Started and verified, or people are led here because somebody wanted it all the same."""
        return not self.blocked or bool(self.switched)


def full_phase_rows(outcome: FullOutcome) -> list[Row]:
    """RTO and RPO, then one row per step. What is not in service has not met its RTO, however fast it was."""
    verdict, back = outcome.verdict, outcome.in_service
    return [
        _total(
            "RTO",
            verdict.rto_seconds if back else None,
            verdict.objective.rto_seconds,
            "unknown" if not back else "yes" if verdict.rto_met else "no",
            Certainty.MEASURED if back else Certainty.UNKNOWN,
        ),
        _total("RPO", rpo_figure(verdict), verdict.objective.rpo_seconds, verdict.rpo_answer, verdict.rpo_certainty),
        *(
            {
                "phase": phase.name,
                "begin": round(phase.begin, 2),
                "end": round(phase.end, 2),
                "seconds": round(phase.seconds, 2),
                "target": None,
                "met": None,
                "certainty": None,
            }
            for phase in outcome.phases
        ),
    ]


def _total(name: str, seconds: float | None, target: float, met: str, certainty: Certainty = Certainty.MEASURED) -> Row:
    return {
        "phase": name,
        "begin": None,
        "end": None,
        "seconds": round(seconds, 2) if seconds is not None else None,
        "target": target,
        "met": met,
        "certainty": str(certainty),
    }


def part_rows(outcome: FullOutcome) -> list[Row]:
    """One row per part."""
    return [
        {
            "part": part.name,
            "backup": part.label,
            "store": part.store,
            "state": f"FAILED: {part.state}" if part.failed else part.state,
            "lost seconds": None if part.lost_seconds is None else round(part.lost_seconds, 1),
            "detail": part.detail,
        }
        for part in outcome.parts
    ]


def report_lines(outcome: FullOutcome) -> tuple[str, ...]:
    """The recovery in short, as Markdown."""
    verdict, loss = outcome.verdict, outcome.loss
    counted = "; counted from the first run's begin, by the wall clock" if outcome.resumed else ""
    back = outcome.in_service
    so_far = "" if back else " so far, and it is not in service"
    practice = outcome.exercise
    become = "recovered" if back else "restored, NOT VERIFIED" if practice else "restored, NOT IN SERVICE"
    wanted = f"{verdict.objective.rpo_seconds:.0f} s: {loss.explanation if loss else 'no database'}"
    untouched = "nothing was switched" + (": this was an exercise" if practice else "")
    return (
        f"# {'EXERCISE: ' if practice else ''}{outcome.system} {become}"
        + (f" as of {outcome.point}" if outcome.point else ""),
        f"* verified: **{outcome.verified}**",
        *(("* nothing outside of this host was changed, and nothing here may go into service",) if practice else ()),
        *(f"* **not {'recovered' if practice else 'in service'}**: {reason}" for reason in outcome.blocked),
        f"* RTO **{verdict.rto_seconds:.1f} s** of {verdict.objective.rto_seconds:.0f} s{so_far}{counted}",
        f"* RPO **{verdict.rpo_shown}** of {wanted}",
        f"* objective **{'met' if verdict.met and back else 'not shown to be met'}**",
        *(f"* traffic: {line}" for line in outcome.switched or (untouched,)),
        *(f"* note: {note}" for note in outcome.notes),
        *(f"* [ ] {line}" for line in outcome.todo),
    )
