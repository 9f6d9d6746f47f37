"""When will a recovery take longer than it may? Forecast from the drills so far, and never shown as a measurement (I5).

A recovery's time is taken to grow with the size of the database: seconds per byte from the drills (their median, so
that one slow day does not move it), the size from its trend (Theil-Sen: the median of all slopes). Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from dr.catalog.drills import DrillRecord
from dr.policy.drill_verdict import Verdict

if TYPE_CHECKING:
    import pandas

LEAST = 3
FAR = timedelta(days=5 * 365)
_DAY = 86400.0
HOURS_BACK: Mapping[str, float] = {"GLACIER": 5.0, "DEEP_ARCHIVE": 12.0}
"""Hours until an object of an archive class can be read, by its standard retrieval (Amazon's figures)."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """Of one method of recovery against one objective.

    ``on`` is the day on which its RTO will be missed, None when not within five years; ``missed`` when it is already.
    ``seconds_now`` is what a recovery of today's size would take, ``bytes_per_day`` the trend of the size.
    """

    method: str
    scenario: str
    drills: int
    rto_target: float
    bytes_now: int = 0
    bytes_per_day: float = 0.0
    seconds_per_gb: float = 0.0
    seconds_now: float = 0.0
    on: datetime | None = None
    missed: bool = False

    @property
    def enough(self) -> bool:
        """Whether there were drills enough to say anything."""
        return self.drills >= LEAST

    def __str__(self) -> str:
        what = f"forecast, {self.method} against {self.scenario}"
        if not self.enough:
            return f"{what}: too little history, {self.drills} of {LEAST} drills"
        rate = (
            f"{self.seconds_now:.0f} s for {self.bytes_now / 1e9:.2f} GB now, {self.bytes_per_day / 1e6:+.1f} MB a day"
        )
        if self.missed:
            return f"{what}: the RTO of {self.rto_target:.0f} s is out of reach already ({rate})"
        if self.on is None:
            return f"{what}: the RTO of {self.rto_target:.0f} s holds for the next five years ({rate})"
        return f"{what}: the RTO of {self.rto_target:.0f} s will be missed from {self.on:%Y-%m-%d} on ({rate})"

    def row(self) -> dict[str, str | float | int | None]:
        """For a table."""
        return {
            "method": self.method,
            "scenario": self.scenario,
            "drills": self.drills,
            "GB now": round(self.bytes_now / 1e9, 3) if self.enough else None,
            "MB a day": round(self.bytes_per_day / 1e6, 2) if self.enough else None,
            "s per GB": round(self.seconds_per_gb, 2) if self.enough else None,
            "forecast RTO now": round(self.seconds_now, 1) if self.enough else None,
            "target": self.rto_target,
            "missed from": self._when(),
        }

    def _when(self) -> str:
        if not self.enough:
            return f"too little history ({self.drills} of {LEAST} drills)"
        if self.missed:
            return "now"
        return f"{self.on:%Y-%m-%d}" if self.on else "not within five years"


def forecasts(records: Iterable[DrillRecord], now: datetime) -> tuple[Forecast, ...]:
    """One for each method and scenario that was drilled; only green drills tell how fast a recovery is."""
    groups: dict[tuple[str, str], list[DrillRecord]] = {}
    for record in records:
        groups.setdefault((record.method, record.scenario), []).append(record)
    return tuple(_forecast(*key, group, now) for key, group in sorted(groups.items()))


def _forecast(method: str, scenario: str, records: Sequence[DrillRecord], now: datetime) -> Forecast:
    used = [
        item
        for item in records
        if item.verdict == Verdict.RECOVERABLE and item.rto_seconds is not None and item.database_bytes > 0
    ]
    target = max(records, key=lambda item: item.begin).rto_target
    if len(used) < LEAST:
        return Forecast(method, scenario, len(used), target)
    table = _table(used)
    rate = float((table["seconds"] / table["bytes"]).median())
    slope = _theil_sen(table)
    newest = max(used, key=lambda item: item.begin)
    size = newest.database_bytes + slope * (now - newest.begin).total_seconds() / _DAY
    seconds = rate * size
    limit = target / rate
    days = (limit - size) / slope if slope > 0 else None
    on = now + timedelta(days=days) if days is not None and 0 < days < FAR / timedelta(days=1) else None
    return Forecast(
        method,
        scenario,
        len(used),
        target,
        bytes_now=int(size),
        bytes_per_day=slope,
        seconds_per_gb=rate * 1e9,
        seconds_now=seconds,
        on=on,
        missed=seconds > target,
    )


def _table(records: Sequence[DrillRecord]) -> pandas.DataFrame:
    """Day, bytes and seconds of each drill."""
    import pandas

    rows = [(item.begin.timestamp() / _DAY, item.database_bytes, item.rto_seconds) for item in records]
    return pandas.DataFrame(rows, columns=["day", "bytes", "seconds"]).sort_values("day")


def _theil_sen(table: pandas.DataFrame) -> float:
    """Bytes per day: the median of the slopes of all pairs of drills; 0 when there is no pair."""
    pairs = table.merge(table, how="cross", suffixes=("", "_later"))
    pairs = pairs[pairs["day_later"] > pairs["day"] + 1e-3]
    if pairs.empty:
        return 0.0
    slopes = (pairs["bytes_later"] - pairs["bytes"]) / (pairs["day_later"] - pairs["day"])
    return float(slopes.median())


def hours_back(storage_class: str | None) -> float:
    """Hours until the objects of a storage class can be read at all; 0 for those that can be read at once."""
    return HOURS_BACK.get(storage_class or "", 0.0)
