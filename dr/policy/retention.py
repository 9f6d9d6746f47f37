"""Which local copies expire: by age, but never the last that is proven, and never after a failed run (I14).

Pure: the time is an argument, and every decision says why.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from dr.catalog.labels import Kind, Label


class Action(StrEnum):
    """What becomes of one copy."""

    KEEP = "keep"
    EXPIRE = "expire"


@dataclass(frozen=True, slots=True)
class Copy:
    """One backup in one store. ``proven``: this very copy was read back; ``elsewhere``: another store has one too."""

    label: Label
    proven: bool
    elsewhere: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """What happens to a copy, and the reason in words."""

    copy: Copy
    action: Action
    reason: str


@dataclass(frozen=True, slots=True)
class Rule:
    """Keep ``days``; whatever their age, keep the newest ``min_keep`` proven copies of each kind."""

    days: int
    min_keep: int = 1

    def __post_init__(self) -> None:
        if self.days < 1 or self.min_keep < 1:
            raise ValueError("a retention rule needs days >= 1 and min_keep >= 1")


def plan_expiry(copies: Iterable[Copy], rule: Rule, now: datetime, *, run_succeeded: bool) -> tuple[Decision, ...]:
    """Decide on each copy, newest first. Unproven copies never count as the ones that make others superfluous."""
    decisions: list[Decision] = []
    kept_proven = dict.fromkeys(Kind, 0)
    for copy in sorted(copies, key=lambda item: item.label, reverse=True):
        decision = _decide(copy, rule, now, kept_proven[copy.label.kind], run_succeeded)
        # A label from the future tells of a wrong clock, not of the newest copy: it makes no other superfluous.
        if decision.action is Action.KEEP and copy.proven and copy.label.created <= now:
            kept_proven[copy.label.kind] += 1
        decisions.append(decision)
    return tuple(decisions)


def _decide(copy: Copy, rule: Rule, now: datetime, newer_proven: int, run_succeeded: bool) -> Decision:
    age = now - copy.label.created
    if age < timedelta():
        return Decision(copy, Action.KEEP, "its label lies in the future: kept, and not counted")
    if age <= timedelta(days=rule.days):
        return Decision(copy, Action.KEEP, f"{_age(age)} old, kept for {rule.days} days")
    if not run_succeeded:
        return Decision(copy, Action.KEEP, "the backup run failed: nothing expires")
    if newer_proven < rule.min_keep:
        if copy.proven:
            return Decision(copy, Action.KEEP, f"one of the newest {rule.min_keep} proven {copy.label.kind} backups")
        return Decision(copy, Action.KEEP, f"fewer than {rule.min_keep} newer {copy.label.kind} backups are proven")
    return Decision(
        copy,
        Action.EXPIRE,
        f"{_age(age)} old, kept for {rule.days} days; {newer_proven} newer proven {copy.label.kind}",
    )


def _age(age: timedelta) -> str:
    hours = age.total_seconds() / 3600
    return f"{hours:.0f} hours" if hours < 48 else f"{hours / 24:.1f} days"
