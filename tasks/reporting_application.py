"""What a recovery of the application shows people: the plan, and what it came to."""

from __future__ import annotations

from dr.evidence.application_outcome import ApplicationRecovered, outcome_rows
from dr.operations.application.plan import ApplicationPlan
from tasks.runner import publish_markdown, publish_table


def plan_text(plan: ApplicationPlan) -> str:
    """The plan in Markdown, as people are asked to agree to it."""
    return "\n".join(f"    {line}" for line in plan.lines())


def show_application_plan(plan: ApplicationPlan) -> None:
    """How everything was found, and what is going to be done."""
    publish_markdown("application-plan", plan_text(plan), "What is going to be stopped and started")


def show_application(outcome: ApplicationRecovered) -> None:
    """The phases against the objective, and what was done in words."""
    publish_table("application", outcome_rows(outcome), "The recovery of the application against RTO and RPO")
    text = "\n".join(f"* {line}" for line in outcome.lines())
    publish_markdown("application-report", text, "What was done, and what the application answers")
