"""Rounds of evaluation over the same measurements, as often as rules remember what they saw."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from dr.policy.metric import Sample
from dr.policy.rule_evaluation import GAP, Broken, Evaluated, evaluate


def rounds(samples: Sequence[Sample], begin: datetime, end: datetime, before: Sequence[Broken] = ()) -> Evaluated:
    """The last of them, which is at ``end``."""
    found = evaluate(samples, before, begin)
    at = begin
    while at < end:
        at = min(at + GAP, end)
        found = evaluate(samples, found.broken, at)
    return found


def minutes(count: float) -> timedelta:
    """So many."""
    return timedelta(minutes=count)
