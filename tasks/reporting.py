"""What a run shows people: tables and a page, the same in Prefect's UI, the terminal and the record."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from dr.catalog.labels import Kind
from dr.catalog.runs import BACKUPS, MISSED
from dr.evidence.scoreboard import RecoveryOutcome, check_rows, phase_rows
from dr.operations.backup_run import MadeBackup
from dr.operations.expire import StoreExpiry
from dr.operations.side_restore import SideRestored, side_rows
from dr.operations.verify.copies import CopyProof
from dr.operations.verify.report import IntegrityReport
from dr.operations.wal.wal_run import WalReport
from dr.policy.recovery_plan import RecoveryPlan
from tasks.runner import publish_markdown, publish_table


def show_backups(made: Sequence[MadeBackup], problems: Sequence[str], failed: Collection[Kind]) -> None:
    """What was backed up, where it is, how far it is proven, how long it took; and of which kinds something is missing.

    Monitoring counts by these tables (``dr/catalog/runs.py``).
    """
    rows = [
        {
            "backup": item.published.label,
            "kind": item.published.kind,
            "method": item.draft.method,
            "why": item.draft.reason,
            "stores": ", ".join(item.published.stores),
            "proven": item.published.level,
            "MB read": round(sum(phase.bytes or 0 for phase in item.draft.phases) / 1e6, 1),
            "MB stored": round(item.published.stored_bytes / 1e6, 1),
            "seconds": round(sum(phase.seconds for phase in item.draft.phases), 2),
            "problems": "; ".join(item.published.problems),
        }
        for item in made
    ]
    publish_table(BACKUPS, rows, "Backups made by this run, and how far each is proven")
    if failed:
        publish_table(MISSED, [{"kind": str(kind)} for kind in sorted(failed)], "Kinds that are not whole, or missing")
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
    rows += [
        {"store": expiry.store, "backup": "all", "decision": "keep", "reason": expiry.note}
        for expiry in expiries
        if expiry.note
    ]
    rows += [_wal_row(expiry) for expiry in expiries if expiry.wal.going or expiry.wal.staying]
    publish_table("retention", rows, "Local copies: kept or expired, and why")


def _wal_row(expiry: StoreExpiry) -> dict[str, str]:
    going, staying = len(expiry.wal.going), expiry.wal.staying
    what = f"WAL: {going} of {going + staying} log files of 4 GiB"
    decision = "expire" if going else "keep"
    return {"store": expiry.store, "backup": what, "decision": decision, "reason": expiry.wal.reason}


def show_plan(plan: RecoveryPlan) -> None:
    """The plan, before anything is done."""
    text = "\n".join(("```", *plan.lines(), "```"))
    publish_markdown("recovery-plan", text, f"What recovering {plan.label} will do")


def show_recovery(outcome: RecoveryOutcome) -> None:
    """Phases against the objective, and what the restored copy answered."""
    publish_table("recovery-phases", phase_rows(outcome), f"{outcome.scenario}: phases against RTO and RPO, in seconds")
    publish_table("recovery-checks", check_rows(outcome.checks), "What the restored copy was asked, and its answers")
    verdict = outcome.verdict
    lines = [
        f"# {outcome.label} recovered",
        f"* into `{outcome.target}`",
        f"* from store **{outcome.store}**, {outcome.tables} tables, {outcome.rows} rows read",
        *((f"* {outcome.reached}",) if outcome.reached else ()),
        f"* RTO **{verdict.rto_seconds:.1f} s** of {verdict.objective.rto_seconds:.0f} s",
        f"* RPO **{verdict.rpo_shown}** of {verdict.objective.rpo_seconds:.0f} s: {outcome.loss.explanation}",
        f"* objective **{'met' if verdict.met else 'not shown to be met'}**",
        *(f"* note: {note}" for note in outcome.notes),
    ]
    publish_markdown("recovery-report", "\n".join(lines), "The recovery in short")


def show_side_restore(brought: SideRestored) -> None:
    """What came back, where it is, and what it is not tied to any more."""
    publish_table("side-restore", side_rows(brought), f"{brought.wanted} beside what is there: {brought.target}")
    lines = [
        f"# {brought.wanted} is back",
        f"* in **{brought.target}**: {len(brought.tables)} tables, {brought.rows} rows",
        f"* {brought.reached}",
        *(f"* {check.name}: {check.detail}" for check in brought.checks),
        *(f"* without {tie}" for tie in brought.cut),
    ]
    publish_markdown("side-restore-report", "\n".join(lines), "The side restore in short")


def show_wal(report: WalReport) -> None:
    """Every store in a line; then backlog, RPO, proofs, and what is wrong."""
    lag, waiting = report.lag, report.caught_up
    rpo = None if lag.seconds is None else round(lag.seconds, 1)
    rows = [
        {
            "store": row.store,
            "newest WAL": row.newest_wal,
            "segments": row.segments,
            "MB": round(row.stored_bytes / 1e6, 1),
            "gaps": row.gaps,
            "lacking": row.lacking,
            "recoverable from": row.oldest,
            "to": row.newest,
            "backlog": waiting.waiting,
            "backlog MB": round(waiting.waiting_bytes / 1e6, 1),
            "backlog seconds": round(waiting.oldest_seconds, 1),
            "RPO now": rpo,
        }
        for row in report.check.rows
    ]
    publish_table("wal-stores", rows, "WAL: what each store has, what still waits, and what a disaster now would cost")
    proofs = [
        {
            "store": item.store,
            "segment": item.segment,
            "proven": item.level if item.passed else "DAMAGED",
            "seconds": round(item.seconds, 2),
            "detail": item.detail,
        }
        for item in report.proof.proofs
    ]
    publish_table("wal-proofs", proofs, f"Segments read back, drawn by the seed {report.proof.seed}")
    canary = "no canary" if lag.canary_seconds is None else f"by canary {lag.canary_seconds:.1f} s"
    measured = "unknown" if rpo is None else f"{rpo} s"
    lines = [
        f"* RPO now **{measured}** of {lag.objective_seconds:.0f} s ({canary}): {lag.explanation}",
        f"* shipped by this run: {waiting.shipped}"
        + (f"; {waiting.somebody_else}" if waiting.somebody_else else "")
        + (f"; WAL switched at {waiting.switched.lsn}" if waiting.switched else ""),
        f"* levelled: {report.level.copied} objects, {report.level.copied_bytes / 1e6:.1f} MB",
        *([f"* new base backup **{report.base_backup}**: the window begins anew"] if report.base_backup else []),
        *(f"* known gap: {note}" for note in report.check.notes),
        *(f"* **problem**: {problem}" for problem in report.problems),
    ]
    publish_markdown("wal-report", "\n".join(lines), "The WAL in short")


def copy_rows(proofs: Sequence[CopyProof]) -> list[dict[str, str | float]]:
    """Every copy that was read; the damaged first."""
    return [
        {
            "backup": item.label,
            "store": item.store,
            "why": item.reason,
            "outcome": item.outcome,
            "level": f"not {item.level}" if item.failed else item.level,
            "MB": round(item.stored_bytes / 1e6, 1),
            "seconds": round(item.seconds, 2),
            "detail": item.detail,
        }
        for item in sorted(proofs, key=lambda item: not item.failed)
    ]


def show_integrity(report: IntegrityReport) -> None:
    """Every copy that was read, every store's share of the WAL, and what is wrong."""
    survey = report.survey
    rows = copy_rows(report.proofs)
    publish_table("integrity-copies", rows, f"Copies read again: {len(rows)} of {survey.copies}")
    shares = [
        {
            "store": item.store,
            "segments": item.segments,
            "read": item.read,
            "opened": item.opened,
            "archived": item.archived,
            "damaged": len(item.damaged),
            "level": item.level,
            "MB": round(item.stored_bytes / 1e6, 1),
            "seconds": round(item.seconds, 2),
            "detail": item.silent or item.note,
        }
        for item in report.wal
    ]
    if shares:
        publish_table("integrity-wal", shares, "WAL read again: today's share of every store")
    packs = [
        {
            "store": item.store,
            "packs": item.packs,
            "read": item.read,
            "archived": item.archived,
            "damaged": len(item.damaged),
            "MB": round(item.stored_bytes / 1e6, 1),
            "seconds": round(item.seconds, 2),
            "detail": item.silent,
        }
        for item in report.packs
        if item.packs or item.silent
    ]
    if packs:
        publish_table("integrity-packs", packs, "Contents of uploads read again: today's share of every store")
    lines = [
        f"* **{'damaged' if report.damaged else 'nothing that was read is damaged'}**",
        f"* {len(rows)} of {survey.copies} copies read, {survey.stored_bytes / 1e6:.1f} MB",
        *(f"* **problem**: {problem}" for problem in report.problems),
    ]
    publish_markdown("integrity-report", "\n".join(lines), "What the stores still hold, in short")
