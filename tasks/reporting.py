"""What a run shows people: tables and a page, the same in Prefect's UI, the terminal and the record."""

from __future__ import annotations

from collections.abc import Sequence

from dr.evidence.scoreboard import RecoveryOutcome, check_rows, phase_rows
from dr.operations.backup_run import MadeBackup
from dr.operations.expire import StoreExpiry
from dr.policy.recovery_plan import RecoveryPlan
from tasks.runner import publish_markdown, publish_table


def show_backups(made: Sequence[MadeBackup], problems: Sequence[str]) -> None:
    """What was backed up, where it is, how far it is proven, how long it took."""
    rows = [
        {
            "backup": item.published.label,
            "kind": item.published.kind,
            "stores": ", ".join(item.published.stores),
            "proven": item.published.level,
            "MB read": round(sum(phase.bytes or 0 for phase in item.draft.phases) / 1e6, 1),
            "MB stored": round(item.published.stored_bytes / 1e6, 1),
            "seconds": round(sum(phase.seconds for phase in item.draft.phases), 2),
            "problems": "; ".join(item.published.problems),
        }
        for item in made
    ]
    publish_table("backups", rows, "Backups made by this run, and how far each is proven")
    if problems:
        publish_markdown("problems", "\n".join(f"* {line}" for line in problems), "What went wrong")


def show_expiry(expiries: Sequence[StoreExpiry]) -> None:
    """Every local copy with the decision on it and the reason."""
    rows = [
        {"store": expiry.store, "backup": str(item.copy.label), "decision": str(item.action), "reason": item.reason}
        for expiry in expiries
        for item in expiry.decisions
    ]
    rows += [
        {
            "store": expiry.store,
            "backup": label,
            "decision": "sweep",
            "reason": "left unfinished by a run that ended early",
        }
        for expiry in expiries
        for label in expiry.swept
    ]
    publish_table("retention", rows, "Local copies: kept or expired, and why")


def show_plan(plan: RecoveryPlan) -> None:
    """The plan, before anything is done."""
    text = "\n".join(("```", *plan.lines(), "```"))
    publish_markdown("recovery-plan", text, f"What recovering {plan.label} will do")


def show_recovery(outcome: RecoveryOutcome) -> None:
    """Phases against the objective, and what the restored copy answered."""
    publish_table("recovery-phases", phase_rows(outcome), f"{outcome.scenario}: phases against RTO and RPO, in seconds")
    publish_table("recovery-checks", check_rows(outcome.checks), "What the restored copy was asked, and its answers")
    verdict = outcome.verdict
    lost = "unknown" if verdict.rpo_seconds is None else f"{verdict.rpo_seconds:.1f} s"
    lines = [
        f"# {outcome.label} recovered to {outcome.target}",
        f"* from store **{outcome.store}**, {outcome.tables} tables, {outcome.rows} rows read",
        f"* RTO **{verdict.rto_seconds:.1f} s** of {verdict.objective.rto_seconds:.0f} s",
        f"* RPO **{lost}** of {verdict.objective.rpo_seconds:.0f} s: {outcome.loss.explanation}",
        f"* objective **{'met' if verdict.met else 'not shown to be met'}**",
        *(f"* note: {note}" for note in outcome.notes),
    ]
    publish_markdown("recovery-report", "\n".join(lines), "The recovery in short")
