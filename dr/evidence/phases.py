"""How long each phase of a procedure took, by a clock that only goes forward.

Phases that stream overlap: fetch, decrypt, decompress and restore run at the same time. Each then has the same begin
and end, and ``busy_seconds`` tells how long that stage itself was at work.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Phase:
    """One phase. ``begin`` and ``end`` are seconds of this host's monotonic clock; differences are what counts."""

    name: str
    begin: float
    end: float
    busy_seconds: float | None = None
    bytes: int | None = None
    note: str = ""

    @property
    def seconds(self) -> float:
        """Time at work: of the stage itself where phases overlap, otherwise from begin to end."""
        return self.end - self.begin if self.busy_seconds is None else self.busy_seconds


class Stopwatch:
    """Collects the phases of one step."""

    def __init__(self) -> None:
        self._phases: list[Phase] = []

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Time what happens inside, whether it ends well or not."""
        begin = time.monotonic()
        try:
            yield
        finally:
            self._phases.append(Phase(name, begin, time.monotonic()))

    def add(self, phase: Phase) -> None:
        self._phases.append(phase)

    @property
    def phases(self) -> tuple[Phase, ...]:
        return tuple(self._phases)


def merge(phases: Iterator[Phase] | tuple[Phase, ...]) -> tuple[Phase, ...]:
    """One phase per name: earliest begin, latest end, work and bytes added up."""
    merged: dict[str, Phase] = {}
    for item in phases:
        before = merged.get(item.name)
        if before is None:
            merged[item.name] = item
            continue
        # Between two attempts nothing was at work, so work adds up and begin to end does not.
        busy = before.seconds + item.seconds
        size = None if before.bytes is None and item.bytes is None else (before.bytes or 0) + (item.bytes or 0)
        merged[item.name] = replace(
            before, begin=min(before.begin, item.begin), end=max(before.end, item.end), busy_seconds=busy, bytes=size
        )
    return tuple(sorted(merged.values(), key=lambda item: (item.begin, item.end)))
