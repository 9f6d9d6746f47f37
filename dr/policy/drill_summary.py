"""What the drills of a system say together: is it proven, by what, and how old is that? Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from dr.catalog.drills import DrillRecord
from dr.policy.drill_age import shown
from dr.policy.drill_verdict import Verdict

Row = dict[str, str | float | int | None]


@dataclass(frozen=True, slots=True)
class Summary:
    """``last`` is the newest green drill of each method; ``stale`` says which are too old or were never made (I3)."""

    last: dict[str, datetime]
    stale: tuple[str, ...]
    counts: dict[str, int]

    @property
    def proven(self) -> bool:
        return not self.stale


def summarise(records: Sequence[DrillRecord], methods: Iterable[str], max_age_days: int, now: datetime) -> Summary:
    """``methods`` are those that apply to the system: one that was never drilled is unproven, not unknown."""
    last: dict[str, datetime] = {}
    for record in records:
        if record.verdict == Verdict.RECOVERABLE:
            last[record.method] = max(record.begin, last.get(record.method, record.begin))
    limit = timedelta(days=max_age_days)
    stale = []
    for method in methods:
        if method not in last:
            stale.append(f"no {method} drill has ever been green")
        elif now - last[method] > limit:
            stale.append(
                f"the last green {method} drill was {shown(now - last[method])} ago, more than {max_age_days} days"
            )
    counts = {str(verdict): sum(1 for item in records if item.verdict == verdict) for verdict in Verdict}
    return Summary(last, tuple(stale), counts)


def history_rows(records: Iterable[DrillRecord]) -> list[Row]:
    """A line for each drill, in the order given."""
    return [
        {
            "when (UTC)": f"{item.begin:%Y-%m-%d %H:%M}",
            "procedure": item.procedure,
            "method": item.method,
            "backup": item.label,
            "verdict": item.verdict,
            "level": f"not {item.level}" if item.verdict == Verdict.NOT_RECOVERABLE else item.level,
            "RTO s": None if item.rto_seconds is None else round(item.rto_seconds, 2),
            "RTO target": item.rto_target,
            "RPO s": None if item.rpo_seconds is None else round(item.rpo_seconds, 2),
            "RPO target": item.rpo_target,
            "not proven": len(item.unproven),
            "seed": item.seed,
        }
        for item in records
    ]
