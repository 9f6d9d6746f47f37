"""What a recovery into production's own place shows people."""

from __future__ import annotations

from dr.evidence.in_place import RecoveredInPlace, Undone
from dr.policy.last_good import LastGood
from dr.policy.recovery_plan import RecoveryPlan
from tasks.reporting import show_recovery
from tasks.runner import publish_markdown


def plan_text(plan: RecoveryPlan) -> str:
    """The plan as Markdown, for whoever is asked to agree."""
    return "\n".join(("```", *plan.lines(), "```"))


def show_in_place(done: RecoveredInPlace) -> None:
    """The recovery, and what was done around it."""
    show_recovery(done.outcome)
    lines = ["# Around the recovery", *(f"* {line}" for line in done.lines())]
    publish_markdown("in-place-report", "\n".join(lines), "Damage, emergency copy, target, and what is kept")


def show_search(found: LastGood) -> None:
    """Which moment was found, and every copy that was asked for it."""
    text = "\n".join(f"* {line}" for line in found.lines())
    publish_markdown("last-good", text, "The last moment that was good, and how it was found")


def show_undone(undone: Undone) -> None:
    """Which directory is where now."""
    publish_markdown("undo-report", "\n".join(undone.lines()), "The old data directory is back")
