"""An assertion about a restored copy: SQL with the answer that it must give, in one file. Pure.

::

    -- description: orders of the last day are there
    -- expect: > 0
    SELECT count(*) FROM orders WHERE created > now() - interval '1 day';

``expect`` is the text of the one value, or ``= VALUE`` where that begins like something else here; ``> N``, ``>= N``,
``< N``, ``<= N`` for numbers; ``between A and B`` with both ends; ``rows N`` for how many rows come back.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from dr.errors import ConfigurationError

Rows = Sequence[Sequence[str | None]]
TIMEOUT_SECONDS = 600.0
_HEADER = re.compile(r"--\s*(expect|database|description|timeout):\s*(.*?)\s*")
_COMPARED = re.compile(r"(>=|<=|>|<)\s*(\S+)")
_BETWEEN = re.compile(r"between\s+(\S+)\s+and\s+(\S+)", re.IGNORECASE)
_COUNTED = re.compile(r"rows\s+(\d+)", re.IGNORECASE)
_SECONDS = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|min)?")
_UNITS = {"ms": 0.001, "s": 1.0, None: 1.0, "min": 60.0}
_COMPARE = {
    ">": lambda got, limit: got > limit,
    ">=": lambda got, limit: got >= limit,
    "<": lambda got, limit: got < limit,
    "<=": lambda got, limit: got <= limit,
}


@dataclass(frozen=True, slots=True)
class Assertion:
    """One file, read. ``database`` is empty for the system's own; ``timeout_seconds`` bounds each statement."""

    name: str
    statements: str
    expect: str
    database: str = ""
    description: str = ""
    timeout_seconds: float = TIMEOUT_SECONDS

    def problem(self, rows: Rows) -> str:
        """What is wrong with the answer; empty when it is as expected."""
        counted = _COUNTED.fullmatch(self.expect)
        if counted:
            return "" if len(rows) == int(counted[1]) else f"{len(rows)} rows instead of {counted[1]}"
        if len(rows) != 1 or len(rows[0]) != 1:
            columns = len(rows[0]) if rows else 0
            return f"one value was expected, and {len(rows)} rows of {columns} columns came back"
        got = rows[0][0]
        if got is None:
            return "" if self.expect.lower() == "null" else f"NULL instead of {self.expect}"
        return "" if _holds(self.expect, got) else f"{got} instead of {self.expect}"


def parse_assertion(name: str, text: str) -> Assertion:
    """Read a file. Raises ConfigurationError, naming it, when it does not say what it expects."""
    headers: dict[str, str] = {}
    for line in text.splitlines():
        if line.strip() and not line.startswith("--"):
            break
        found = _HEADER.fullmatch(line.strip())
        if found:
            headers[found[1]] = found[2]
    expect = headers.get("expect", "")
    if not expect:
        raise ConfigurationError(
            f"the assertion {name} does not say what it expects",
            hint="Begin it with a line like '-- expect: 42', '-- expect: > 0', '-- expect: between 1 and 9' or"
            " '-- expect: rows 0'.",
        )
    _check(name, expect)
    return Assertion(
        name, text, expect, headers.get("database", ""), headers.get("description", ""), _timeout(name, headers)
    )


def _check(name: str, expect: str) -> None:
    compared, between = _COMPARED.fullmatch(expect), _BETWEEN.fullmatch(expect)
    numbers = [compared[2]] if compared else [between[1], between[2]] if between else []
    for number in numbers:
        if _number(number) is None:
            raise ConfigurationError(f"the assertion {name} expects {expect!r}, and {number!r} is no number")


def _timeout(name: str, headers: dict[str, str]) -> float:
    text = headers.get("timeout", "")
    if not text:
        return TIMEOUT_SECONDS
    found = _SECONDS.fullmatch(text)
    if found is None or float(found[1]) <= 0:
        raise ConfigurationError(
            f"the assertion {name} has the timeout {text!r}", hint="Write it like '-- timeout: 30s' or '5min'."
        )
    return float(found[1]) * _UNITS[found[2]]


def _holds(expect: str, got: str) -> bool:
    compared, between, value = _COMPARED.fullmatch(expect), _BETWEEN.fullmatch(expect), _number(got)
    if compared:
        limit = _number(compared[2])
        return value is not None and limit is not None and _COMPARE[compared[1]](value, limit)
    if between:
        low, high = _number(between[1]), _number(between[2])
        return None not in (value, low, high) and low <= value <= high  # type: ignore[operator]
    return got == expect.removeprefix("=").strip() if expect.startswith("=") else got == expect


def _number(text: str) -> Decimal | None:
    try:
        return Decimal(text)
    except InvalidOperation:
        return None
