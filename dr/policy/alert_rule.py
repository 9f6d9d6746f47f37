"""What a rule is: a metric held against a number, or against another metric, and the words for it. Values only."""

from __future__ import annotations

import math
from dataclasses import dataclass

from dr.policy.alert import Grade
from dr.policy.metric import BY_NAME

HOUR, DAY = 3600, 86400


@dataclass(frozen=True, slots=True)
class Against:
    """Another metric that is the limit, joined by these labels."""

    metric: str
    on: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rule:
    """``metric`` ``sign`` ``limit`` for ``seconds``. ``where`` keeps it to samples whose labels match whole.

    ``summary``, ``risk`` and ``command`` may name labels and ``{value}`` in braces; ``shown`` says what a value is:
    for Prometheus's templates, which cannot multiply, the days of what is ``LEFT`` are seconds in its expression.
    """

    name: str
    grade: Grade
    metric: str
    sign: str
    limit: float | Against
    summary: str
    risk: str
    command: str
    seconds: int = 0
    where: tuple[tuple[str, str], ...] = ()
    shown: str = "number"
    incident: str = ""

    def __post_init__(self) -> None:
        if self.metric not in BY_NAME or self.sign not in ("<", ">", "=="):
            raise ValueError(f"{self.name} is no rule over a metric that is declared")

    @property
    def expression(self) -> str:
        """The same in PromQL, without the time. Of a limit that two hosts have measured the stricter counts."""
        chosen = ",".join(f'{name}=~"{_quoted(pattern)}"' for name, pattern in self.where)
        left = f"{self.metric}{{{chosen}}}" if chosen else self.metric
        if self.shown == LEFT and not isinstance(self.limit, Against):
            return f"{left} * {DAY} {self.sign} {self.limit * DAY!r}"
        if isinstance(self.limit, Against):
            on = ",".join(self.limit.on)
            stricter = "max" if self.sign == "<" else "min"
            return f"{left} {self.sign} on({on}) group_left() {stricter} by({on}) ({self.limit.metric})"
        return f"{left} {self.sign} {self.limit!r}"


def _quoted(pattern: str) -> str:
    return pattern.replace("\\", "\\\\").replace('"', '\\"')


AGE = "age"
SHARE = "share"
LEFT = "left"
"""Days until something ends."""


def shown(value: float, what: str) -> str:
    """A value as people say it.

    >>> shown(93600, "age"), shown(0.074, "share"), shown(3.0, "number")
    ('26 h', '7 %', '3')
    >>> shown(12.7, "left"), shown(0.997622, "left"), shown(-1, "left")
    ('ends in 12 days', 'ends in 23 hours', 'has ended or cannot be read')
    """
    if what == LEFT:
        return _left(value * DAY)
    if what == SHARE:
        return f"{value:.0%}".replace("%", " %")
    if math.isinf(value):
        return "as long as is known"
    if what != AGE:
        return f"{value:g}"
    for unit, size in (("d", 2 * DAY), ("h", HOUR), ("min", 60)):
        if value >= size:
            return f"{value / (DAY if unit == 'd' else size):.0f} {unit}"
    return f"{value:.0f} s"


def _left(seconds: float) -> str:
    """Whole days, hours or minutes, never more than there are: as deployments/prometheus/rule_file.py says it too."""
    if seconds < 0:
        return "has ended or cannot be read"
    for unit, size in (("day", DAY), ("hour", HOUR), ("minute", 60)):
        if seconds >= size:
            count = int(seconds // size)
            return f"ends in {count} {unit}{'s' * (count != 1)}"
    return "ends in less than a minute"
