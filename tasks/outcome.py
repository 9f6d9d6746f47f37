"""Putting what the steps of a recovery returned together, and holding it against the objective."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from dr.evidence.findings import CheckedCopy, Loss, held_against
from dr.evidence.phases import Stopwatch, merge
from dr.evidence.scoreboard import RecoveryOutcome
from dr.operations.plan_recovery import Chosen
from dr.operations.restore import Restored
from dr.policy.objectives import Scenario
from dr.policy.recovery_target import aware_time
from tasks.systems import load_system


class RecoveryClock:
    """Runs from the beginning of the recovery to the last check, on a clock that only goes forward."""

    def __init__(self, disaster_at: str) -> None:
        self._begin = time.monotonic()
        self.begun_at = datetime.now(UTC)
        self._end: float | None = None
        self._stopwatch = Stopwatch()
        self.disaster_at = aware_time(disaster_at) if disaster_at else None

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


def judge(
    system: str,
    scenario: Scenario,
    clock: RecoveryClock,
    chosen: Chosen,
    restored: Restored,
    copy: CheckedCopy,
    lost: Loss,
    told: tuple[str, ...] = (),
) -> RecoveryOutcome:
    """The whole recovery as one value, with its verdict. A bound of the loss never counts as a measured one.

    ``told`` are notes of the run itself.
    """
    settings = load_system(system, require_postgres=False)
    verdict = held_against(settings.objectives[scenario], clock.seconds, lost)
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
        notes=(*told, *chosen.found.notes, *restored.notes, *copy.notes),
        reached=copy.reached,
    )
