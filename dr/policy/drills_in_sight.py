"""Has somebody shown lately that a recovery works? Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from dr.policy.drill_age import shown
from dr.policy.observation import Condition, Observation, Subject


@dataclass(frozen=True, slots=True)
class Drills:
    """What one store knows: when each way to recover was last green, and which ``wanted`` ways the system has."""

    last: Mapping[str, datetime]
    wanted: tuple[str, ...]


def judge_drills(
    last: Mapping[str, datetime] | None, wanted: Sequence[str], max_age_days: int, now: datetime
) -> Observation:
    """``last`` is when each way to recover was last green; None: no store told. ``wanted``: all that apply (I3)."""

    def told(condition: Condition, word: str, detail: str) -> Observation:
        return Observation(Subject.DRILLS, condition, word, detail)

    if last is None:
        return told(Condition.IMPAIRED, "UNKNOWN", "no store tells of any drill")
    if not last:
        return told(Condition.IMPAIRED, "NEVER", "no drill was green in a hundred days")
    limit = timedelta(days=max_age_days)
    newest = max(last.values())
    stale = [method for method in wanted if method not in last or now - last[method] > limit]
    ages = ", ".join(f"{method} {shown(now - moment)} ago" for method, moment in sorted(last.items()))
    if stale:
        word = f"{shown(now - newest)} ago, STALE" if now - newest > limit else f"{shown(now - newest)} ago, not of all"
        said = f"no green drill of {', '.join(stale)} in {max_age_days} days (green: {ages})"
        return told(Condition.IMPAIRED, word, said)
    return told(Condition.OK, f"{shown(now - newest)} ago", f"green: {ages}")
