"""What cannot be measured for a while is served as it was last: Prometheus forgets a series with the first lack of it.

Then an alert would be told as over, and one that waits for its time would begin anew. For no longer than ``LASTS``:
by then ``backups-not-measured`` says that nobody looks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from dr.operations.measure.gather import Measured
from dr.policy.metric import BY_NAME, Sample, Unmeasured

LASTS = timedelta(minutes=20)


class Lasting:
    """Remembers when each series was measured last. For one process and one system."""

    def __init__(self, measured: Callable[[datetime], Measured], lasts: timedelta = LASTS) -> None:
        self._measured, self._lasts = measured, lasts
        self._seen: dict[tuple[str, tuple[str, ...]], tuple[datetime, Sample]] = {}

    def __call__(self, now: datetime) -> tuple[Sample, ...]:
        """What is measured now, with what was measured before in place of what cannot be."""
        found = self._measured(now)
        kept = {
            key: (at, item)
            for key, (at, item) in self._seen.items()
            if now - at <= self._lasts and is_unmeasured(item, found.unmeasured)
        }
        self._seen = {**kept, **{(item.name, item.labels): (now, item) for item in found.samples}}
        return tuple(item for _, item in self._seen.values())


def is_unmeasured(item: Sample, unmeasured: Iterable[Unmeasured]) -> bool:
    """Whether this series is one of those that could not be looked at."""
    labels = dict(zip(BY_NAME[item.name].labels, item.labels, strict=True))
    return any(gone.metric == item.name and gone.tier in ("", labels.get("tier", "")) for gone in unmeasured)
