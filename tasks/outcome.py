"""Putting what the steps of a recovery returned together, and holding it against the objective."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from dr.errors import ConfigurationError
from dr.evidence.findings import CheckedCopy, Loss
from dr.evidence.phases import Stopwatch, merge
from dr.evidence.scoreboard import RecoveryOutcome
from dr.operations.plan_recovery import Chosen
from dr.operations.restore import Restored
from dr.policy.objectives import Scenario, Verdict
from tasks.systems import load_system


class RecoveryClock:
    """Runs from the beginning of the recovery to the last check, on a clock that only goes forward."""

    def __init__(self, disaster_at: str) -> None:
        self._begin = time.monotonic()
        self._end: float | None = None
        self._stopwatch = Stopwatch()
        self.disaster_at = _aware(disaster_at)

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Time one phase of the run itself."""
        with self._stopwatch.phase(name):
            yield

    def stop(self) -> None:
        """The last check has been made."""
        self._end = time.monotonic()

    @property
    def seconds(self) -> float:
        return (self._end or time.monotonic()) - self._begin

    @property
    def stopwatch(self) -> Stopwatch:
        return self._stopwatch


def _aware(text: str) -> datetime | None:
    """A time with its zone; a naive one could mean any of two dozen instants (I6)."""
    if not text:
        return None
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        parsed = None
    if parsed is None or parsed.tzinfo is None:
        raise ConfigurationError(
            f"{text!r} is not a time with a zone", hint="Write it like 2026-01-31T02:00:00+00:00 (or ...Z for UTC)."
        )
    return parsed


def judge(
    system: str,
    scenario: Scenario,
    clock: RecoveryClock,
    chosen: Chosen,
    restored: Restored,
    copy: CheckedCopy,
    lost: Loss,
) -> RecoveryOutcome:
    """The whole recovery as one value, with its verdict. An estimated loss never counts as a measured one."""
    settings = load_system(system, require_postgres=False)
    verdict = Verdict(settings.objectives[scenario], clock.seconds, lost.seconds if lost.measured else None)
    return RecoveryOutcome(
        label=chosen.found.manifest.label,
        kind=str(chosen.found.manifest.kind),
        target=restored.target,
        store=restored.store,
        scenario=scenario,
        seconds=clock.seconds,
        phases=merge((*clock.stopwatch.phases, *restored.phases, *copy.phases)),
        checks=copy.checks,
        loss=lost,
        verdict=verdict,
        tables=copy.tables,
        rows=copy.rows,
        notes=(*chosen.found.notes, *restored.notes, *copy.notes),
        reached=copy.reached,
    )
