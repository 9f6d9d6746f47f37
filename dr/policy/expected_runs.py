"""Did what was to run by itself run? Held against the evidence, whoever starts it: Prefect, cron, a timer (I26).

A run leaves its record when it ends, so it has some hours; which of them failed is another question. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from dr.policy.cron import parse_cron

EARLY = timedelta(minutes=1)
"""Clocks of two hosts are never the same."""
SHORTEST = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Expected:
    """A procedure and the times at which it runs (five fields, UTC)."""

    procedure: str
    cron: str


@dataclass(frozen=True, slots=True)
class Overdue:
    """The first time that passed without a run: ``since`` then, and nothing where every run was made."""

    procedure: str
    since: datetime | None


def overdue_runs(
    expected: Iterable[Expected],
    newest: Mapping[str, datetime],
    known_since: datetime,
    now: datetime,
    patience: timedelta,
) -> tuple[Overdue, ...]:
    """``newest`` has when the newest run of each procedure began. Nothing was due before ``known_since``.

    >>> from datetime import UTC
    >>> begun, now = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 3, 12, tzinfo=UTC)
    >>> daily = [Expected("daily-backup", "0 2 * * *")]
    >>> str(overdue_runs(daily, {}, begun, now, timedelta(hours=6))[0].since)
    '2026-01-01 02:00:00+00:00'
    """
    return tuple(_overdue(item, newest.get(item.procedure), known_since, now, patience) for item in expected)


def _overdue(
    item: Expected, ran: datetime | None, known_since: datetime, now: datetime, patience: timedelta
) -> Overdue:
    cron = parse_cron(item.cron)
    due = cron.first_after(ran if ran is not None else known_since)
    if ran is not None and due - ran <= EARLY:
        due = cron.first_after(due)  # begun a moment before its time, by another clock
    period = cron.first_after(due) - due
    grace = min(patience, max(SHORTEST, period / 2))
    return Overdue(item.procedure, due if now > due + grace else None)
