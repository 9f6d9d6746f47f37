"""The quarterly drill: what was confirmed before it, what there was before and after, what the recovery took. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from dr.errors import ObjectiveMissed, RecoveryFailed, TargetRefused
from dr.evidence.approvals import NOTHING
from dr.evidence.incident_report import NOT_MEASURED, one_line, table
from dr.policy.objectives import Scenario, Verdict


@dataclass(frozen=True, slots=True)
class Preparation:
    """What people confirm before anything is broken. The baseline is not among it: it is measured."""

    window_scheduled: bool = False
    stakeholders_told: bool = False
    environment_prepared: bool = False

    def require(self) -> None:
        """Raise ``TargetRefused`` unless all of it was confirmed."""
        open_items = [text for text, done in self.items() if not done]
        if open_items:
            raise TargetRefused(
                "the drill is not prepared",
                detail=f"not confirmed: {'; '.join(open_items)}; {NOTHING}",
                hint="See to it, then begin the drill again and confirm each.",
            )

    def items(self) -> tuple[tuple[str, bool], ...]:
        """The checklist, and what of it was confirmed."""
        return (
            ("a maintenance window is scheduled", self.window_scheduled),
            ("all stakeholders have been told", self.stakeholders_told),
            ("the test environment is prepared", self.environment_prepared),
        )


@dataclass(frozen=True, slots=True)
class Asked:
    """One endpoint of the application. ``seconds`` is how long its answer took."""

    url: str
    ok: bool
    seconds: float


@dataclass(frozen=True, slots=True)
class Metrics:
    """A system at one moment (UTC). ``rows`` by table; ``canary`` is the number of its last row."""

    at: datetime
    database_bytes: int
    rows: dict[str, int]
    canary: int | None
    answers: tuple[Asked, ...] = ()


@dataclass(frozen=True, slots=True)
class Earlier:
    """What the drill of the same scenario before this one has measured. ``rpo_seconds`` None: no canary told."""

    at: datetime
    rto_seconds: float
    rpo_seconds: float | None


@dataclass(frozen=True, slots=True)
class Quarterly:
    """One drill. ``error`` is what ended it; ``failed`` are the verification's complaints.

    The verdict's time is from the disaster to the last answer of the verification. ``after`` and ``verdict`` are None
    when the recovery did not get there. ``earlier`` None: this scenario was never drilled to its end. ``remarks`` say
    what the comparison means.
    """

    system: str
    scenario: Scenario
    simulation: str
    by: str
    preparation: Preparation
    before: Metrics
    disaster_at: datetime
    recovered_by: str
    after: Metrics | None = None
    verdict: Verdict | None = None
    loss: str = NOT_MEASURED
    failed: tuple[str, ...] = ()
    error: str = ""
    earlier: Earlier | None = None
    remarks: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        return not self.error and not self.failed and self.verdict is not None and self.verdict.met

    def require(self) -> None:
        """Raise ``RecoveryFailed`` or ``ObjectiveMissed`` unless it passed."""
        undo = "dr simulate-disaster --undo brings back what was there."
        if self.error or self.failed or self.verdict is None:
            raise RecoveryFailed(
                f"the {self.scenario} was not recovered from as it should be",
                detail="; ".join(text for text in (self.error, *self.failed) if text),
                hint=undo,
            )
        if not self.verdict.met:
            raise ObjectiveMissed(
                f"the {self.scenario} was recovered from, but not within its objectives",
                detail="; ".join(
                    f"{row['what']}: {row['measured']} of {row['target']}" for row in objective_rows(self)
                ),
                hint="See which phase took long (dr incident report), or back up more often.",
            )


def objective_rows(drill: Quarterly) -> list[dict[str, str]]:
    """Measured against wanted, and against the drill before."""
    verdict, earlier = drill.verdict, drill.earlier
    if verdict is None:
        return []
    return [
        {
            "what": "RTO",
            "measured": f"{verdict.rto_seconds:.1f} s",
            "target": f"{verdict.objective.rto_seconds:.0f} s",
            "met": "yes" if verdict.rto_met else "NO",
            "drill before": "none" if earlier is None else f"{earlier.rto_seconds:.1f} s",
        },
        {
            "what": "RPO",
            "measured": verdict.rpo_shown if verdict.rpo_at_most is not None else _measured(verdict.rpo_seconds),
            "target": f"{verdict.objective.rpo_seconds:.0f} s",
            "met": {"yes": "yes", "no": "NO", "unknown": "not shown"}[verdict.rpo_answer],
            "drill before": "none" if earlier is None else _measured(earlier.rpo_seconds),
        },
    ]


def _measured(seconds: float | None) -> str:
    return NOT_MEASURED if seconds is None else f"{seconds:.1f} s"


def comparison_rows(drill: Quarterly) -> list[dict[str, str]]:
    """Before against after: size, rows, canary, answers; of tables, those that differ."""
    return list(_compared(drill.before, drill.after)) if drill.after is not None else []


def _compared(before: Metrics, after: Metrics) -> Iterator[dict[str, str]]:
    yield _row("database, MB", f"{before.database_bytes / 1e6:.1f}", f"{after.database_bytes / 1e6:.1f}")
    yield _row("tables", len(before.rows), len(after.rows))
    yield _row("rows", sum(before.rows.values()), sum(after.rows.values()))
    yield _row("last canary", before.canary or "none", after.canary or "none")
    now = {answer.url: answer for answer in after.answers}
    for answer in before.answers:
        yield _row(answer.url, _said(answer), _said(now[answer.url]) if answer.url in now else "not asked")
    for name in sorted(before.rows.keys() | after.rows.keys()):
        if before.rows.get(name) != after.rows.get(name):
            yield _row(f"rows of {name}", before.rows.get(name, "no table"), after.rows.get(name, "no table"))


def _said(answer: Asked) -> str:
    return f"{'ok' if answer.ok else 'NOT OK'} in {answer.seconds:.2f} s"


def _row(what: str, before: object, after: object) -> dict[str, str]:
    return {"what": what, "before": str(before), "after": str(after)}


def _compared_with(earlier: Earlier | None) -> str:
    if earlier is None:
        return "Drill before: none of this scenario was measured on this host."
    return f"Drill before: {earlier.at:%Y-%m-%d %H:%M} UTC."


def report(drill: Quarterly) -> str:
    """Markdown, for who was not there."""
    ended = "passed" if drill.passed else "NOT passed"
    lines = [
        f"# Quarterly drill of {drill.system}: {drill.scenario}, {ended}",
        "",
        "## Preparation",
        *(
            f"* {text}: {'confirmed' if done else 'not confirmed'}, by {drill.by}"
            for text, done in drill.preparation.items()
        ),
        f"* baseline measured at {drill.before.at:%Y-%m-%d %H:%M:%S} UTC",
        "",
        "## Execution",
        f"* {drill.scenario} made at {drill.disaster_at:%Y-%m-%d %H:%M:%S} UTC (simulation {drill.simulation})",
        f"* recovered by {drill.recovered_by}",
        *((f"* ended by: {one_line(drill.error)}",) if drill.error else ()),
        *(f"* not as it should be: {one_line(text)}" for text in drill.failed),
        "",
        "## Recovery time and point, against the objectives",
        "",
        table(objective_rows(drill)) or f"{NOT_MEASURED.capitalize()}: the recovery did not come to its end.",
        "",
        _compared_with(drill.earlier),
        "",
        f"What was lost: {drill.loss}",
        "",
        "## Before and after",
        "",
        table(comparison_rows(drill)) or f"{NOT_MEASURED.capitalize()}.",
        "",
        *(f"* {one_line(text)}" for text in drill.remarks),
        *(("",) if drill.remarks else ()),
        "## Issues and improvements",
        "",
        "_To fill in, with who changes which procedure until when; then share it with the stakeholders._",
    ]
    return "\n".join(lines)
