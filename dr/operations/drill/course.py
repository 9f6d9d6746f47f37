"""What the course of every drill has, whatever is drilled, and how its parts are kept in the record."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from dr.catalog.drills import DrillPhase, DrillProbe
from dr.catalog.manifest import Level
from dr.evidence.phases import Phase, Stopwatch, merge
from dr.policy.drill_verdict import Probe


@dataclass(slots=True)
class Course:
    """How far a drill has come, and the error that ended it, as answers.

    The stopwatch has ``choose`` and ``restore``, from begin to end as a recovery would wait for them.
    """

    begin: datetime = field(default_factory=lambda: datetime.now(UTC))
    stopwatch: Stopwatch = field(default_factory=Stopwatch)
    faults: tuple[Probe, ...] = ()

    @property
    def copy(self) -> Path | None:
        """Where the copy lies, or would; None before it was drawn."""
        raise NotImplementedError

    @property
    def chosen(self) -> tuple[Phase, ...]:
        """The phase before anything was fetched; what came behind it has phases of its own."""
        return tuple(phase for phase in self.stopwatch.phases if phase.name == "choose")


def named(level: Level | None) -> str:
    """A level as records have it; empty for none."""
    return "" if level is None else level.name.lower().replace("_", "-")


def phases_kept(phases: tuple[Phase, ...]) -> tuple[DrillPhase, ...]:
    """One for each name, to the millisecond."""
    return tuple(DrillPhase(phase.name, round(phase.seconds, 3), phase.bytes) for phase in merge(phases))


def probes_kept(probes: Iterable[Probe]) -> tuple[DrillProbe, ...]:
    """Every question with its answer."""
    return tuple(DrillProbe(item.name, str(item.answer), named(item.level), item.detail) for item in probes)
