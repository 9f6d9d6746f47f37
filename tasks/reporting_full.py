"""What a full recovery shows people: its plan, every part, every phase, and what is left to do."""

from __future__ import annotations

from dr.evidence.full_outcome import FullOutcome, full_phase_rows, part_rows, report_lines
from dr.policy.full_plan import FullPlan
from tasks.runner import publish_markdown, publish_table

PHASES, PARTS = "full-recovery-phases", "full-recovery-parts"


def plan_text(plan: FullPlan) -> str:
    """As Markdown."""
    return "\n".join(("```", *plan.lines(), "```"))


def show_full_plan(plan: FullPlan) -> None:
    """Before anything is done."""
    what = "an exercise of a full recovery" if plan.exercise else "a full recovery"
    publish_markdown("full-recovery-plan", plan_text(plan), f"What {what} of {plan.system} will do")


def show_full_recovery(outcome: FullOutcome) -> None:
    """Phases against the objective, the parts, and the list of what is left."""
    mark = "EXERCISE: " if outcome.exercise else ""
    phases = f"{mark}full-system-failure: phases against RTO and RPO, in seconds"
    publish_table(PHASES, full_phase_rows(outcome), phases)
    publish_table(PARTS, part_rows(outcome), f"{mark}What became of each part")
    publish_markdown("full-recovery-report", "\n".join(report_lines(outcome)), f"{mark}The recovery in short")
