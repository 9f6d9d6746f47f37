"""What a page of Grafana shows, as values: which query, in which unit, from which limit on it is red."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Look(StrEnum):
    """How a panel shows its numbers."""

    NUMBER = "number"
    COURSE = "course"
    BARS = "bars"


@dataclass(frozen=True, slots=True)
class Query:
    """PromQL, and what its series are called. ``$system`` is what the reader has chosen."""

    expression: str
    called: str


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel. ``unit`` is Grafana's; ``red`` is the limit, ``below`` says that less than it is bad.

    ``rare`` says why there may be nothing to show for a long time; empty where there always is.
    """

    title: str
    about: str
    queries: tuple[Query, ...]
    unit: str = "s"
    look: Look = Look.COURSE
    width: int = 12
    red: float | None = None
    below: bool = False
    rare: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """A dashboard. ``single``: of one system at a time."""

    uid: str
    title: str
    about: str
    panels: tuple[Panel, ...]
    single: bool = False


def of(metric: str, called: str = "", *more: str) -> Query:
    """A metric of the systems chosen; ``more`` are further conditions on labels.

    >>> of("storage_up", "{{tier}}", 'tier="cloud"').expression
    'storage_up{system=~"$system",tier="cloud"}'
    """
    return Query(chosen(metric, *more), called or "{{system}}")


def known(metric: str, called: str, *more: str) -> Query:
    """The same without what never was: it is infinitely old, which no scale shows."""
    return Query(f"{chosen(metric, *more)} < Inf", called)


def chosen(metric: str, *more: str) -> str:
    """The selector alone."""
    conditions = ",".join(('system=~"$system"', *more))
    return f"{metric}{{{conditions}}}"


def a_day(metric: str, by: str, called: str) -> Query:
    """How much a counter grew within a day."""
    return Query(f"sum by({by}) (increase({chosen(metric)}[1d]))", called)


def share(good: str, bad: str, by: str, called: str) -> Query:
    """The good ones among all, since counting began."""
    whole = f"sum by({by}) ({chosen(good)}) + sum by({by}) ({chosen(bad)})"
    return Query(f"sum by({by}) ({chosen(good)}) / ({whole})", called)
