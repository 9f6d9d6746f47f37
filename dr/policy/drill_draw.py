"""What a drill restores, drawn by a seed: every second of the recoverable window has the same chance. Pure."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from dr.policy.drill_method import RANDOM, Method
from dr.policy.objectives import Scenario
from dr.policy.recovery_target import RecoveryTarget, TargetKind, parse_recovery_target
from dr.policy.wal_window import Interval

LATEST, IMMEDIATE = "latest", "immediate"
_LSN = re.compile(r"[0-9A-Fa-f]{1,8}/[0-9A-Fa-f]{1,8}")


@dataclass(frozen=True, slots=True)
class DrillRequest:
    """What was asked for. ``target`` is ``random``, ``latest``, ``immediate``, a time with zone, or an LSN.

    ``stores`` empty: whatever a recovery would use. ``seed`` 0: a new one. ``backup`` empty: the drill chooses.
    """

    scenario: Scenario = Scenario.DATABASE_CORRUPTION
    method: Method = Method.PHYSICAL
    target: str = RANDOM
    backup: str = ""
    stores: tuple[str, ...] = ()
    seed: int = 0
    timeline: str = ""
    exclusive: bool = False


def parse_drill_target(request: DrillRequest) -> RecoveryTarget | None:
    """The target as asked for; None when it is to be drawn. Raises ConfigurationError on a time without zone (I6)."""
    text, timeline = request.target.strip(), request.timeline
    if text in ("", RANDOM):
        return None
    if text == LATEST:
        return parse_recovery_target(timeline=timeline)
    if text == IMMEDIATE:
        return parse_recovery_target(immediate=True, timeline=timeline)
    if _LSN.fullmatch(text):
        return parse_recovery_target(lsn=text, timeline=timeline, exclusive=request.exclusive)
    return parse_recovery_target(time=text, timeline=timeline, exclusive=request.exclusive)


def draw_moment(intervals: Sequence[Interval], draw: random.Random, *, since: datetime | None = None) -> RecoveryTarget:
    """A second of the window, each with the same chance; ``since`` cuts off what lies before it.

    Raises ValueError when nothing is left to draw from.
    """
    spans = [
        (item, begin, item.end)
        for item in intervals
        if (begin := max(item.begin, since) if since else item.begin) <= item.end
    ]
    if not spans:
        raise ValueError("the window is empty")
    seconds = [(end - begin).total_seconds() for _, begin, end in spans]
    point = draw.uniform(0, sum(seconds))
    for (item, begin, end), length in zip(spans, seconds, strict=True):
        if point <= length or item is spans[-1][0]:
            moment = min(begin + timedelta(seconds=point), end)
            return RecoveryTarget(TargetKind.TIME, time=moment, timeline=item.timeline)
        point -= length
    raise AssertionError  # the last span ends the loop
