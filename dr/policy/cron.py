"""Cron expressions, checked as strictly as a backup deserves.

Prefect takes what never happens (31 February), a sixth field (seconds, by which "0 2 * * * *" is every hour), and a
day of month beside a day of week, of which it is easily forgotten that either is enough. A schedule that is not what
it looks like is a backup that is not made, so all of these are refused here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

_FIELDS = (("minute", 0, 59), ("hour", 0, 23), ("day of month", 1, 31), ("month", 1, 12), ("day of week", 0, 7))
_PART = re.compile(r"(?:\*|(?P<low>\d+)(?:-(?P<high>\d+))?)(?:/(?P<step>\d+))?")
# 29 February can be eight years away (1896 to 1904), and the schedule may want a certain weekday besides.
_DAYS_AHEAD = 366 * 9


@dataclass(frozen=True, slots=True)
class Cron:
    """The times that a five-field expression stands for."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]

    def first_after(self, moment: datetime) -> datetime:
        """The first time after ``moment`` (aware), in UTC. Raises ValueError when there is none in nine years."""
        moment = moment.astimezone(UTC)
        for ahead in range(_DAYS_AHEAD):
            day = moment.date() + timedelta(days=ahead)
            if not self._falls_on(day):
                continue
            for hour in sorted(self.hours):
                for minute in sorted(self.minutes):
                    found = datetime.combine(day, time(hour, minute), UTC)
                    if found > moment:
                        return found
        raise ValueError("never happens")

    def last_until(self, moment: datetime) -> datetime:
        """The last time up to ``moment`` (aware), in UTC. Raises ValueError when there is none in nine years."""
        moment = moment.astimezone(UTC)
        for back in range(_DAYS_AHEAD):
            day = moment.date() - timedelta(days=back)
            if not self._falls_on(day):
                continue
            for hour in sorted(self.hours, reverse=True):
                for minute in sorted(self.minutes, reverse=True):
                    found = datetime.combine(day, time(hour, minute), UTC)
                    if found <= moment:
                        return found
        raise ValueError("never happened")

    def _falls_on(self, day: date) -> bool:
        return day.month in self.months and day.day in self.days and day.isoweekday() % 7 in self.weekdays


def parse_cron(expression: str) -> Cron:
    """Read ``expression``. Raises ValueError with a sentence that names the field.

    >>> parse_cron("0 2 * * *").first_after(datetime(2026, 1, 31, 2, tzinfo=UTC)).isoformat()
    '2026-02-01T02:00:00+00:00'
    """
    texts = expression.split()
    if len(texts) != len(_FIELDS):
        raise ValueError(f"cron {expression!r} has {len(texts)} fields and needs 5")
    minutes, hours, days, months, weekdays = (
        _parse_field(expression, text, *field) for text, field in zip(texts, _FIELDS, strict=True)
    )
    if texts[2] != "*" and texts[4] != "*":
        raise ValueError(f"cron {expression!r} gives a day of month and a day of week: either would do, not both")
    cron = Cron(minutes, hours, days, months, frozenset(day % 7 for day in weekdays))
    try:
        cron.first_after(datetime(2026, 1, 1, tzinfo=UTC))
    except ValueError:
        raise ValueError(f"cron {expression!r} never happens") from None
    return cron


def _parse_field(expression: str, text: str, name: str, lowest: int, highest: int) -> frozenset[int]:
    values: set[int] = set()
    for part in text.split(","):
        match = _PART.fullmatch(part)
        if match is None:
            raise ValueError(f"cron {expression!r}: {part!r} is no {name}")
        values |= set(_range(match, lowest, highest))
        if not values or min(values) < lowest or max(values) > highest:
            raise ValueError(f"cron {expression!r}: {part!r} is not a {name} of {lowest} to {highest}")
    return frozenset(values)


def _range(match: re.Match[str], lowest: int, highest: int) -> range:
    step = int(match["step"] or 1)
    if match["low"] is None:
        low, high = lowest, highest
    else:
        low = int(match["low"])
        high = int(match["high"]) if match["high"] else (highest if match["step"] else low)
    return range(low, high + 1, step) if step else range(0)
