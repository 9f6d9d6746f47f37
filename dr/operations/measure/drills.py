"""How long ago a drill was green, what it measured, and what a recovery will take as the data grows."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from dr.catalog.drills import DrillRecord
from dr.configuration.model import System
from dr.operations.drill_outlook import look_out
from dr.policy.metric import Sample, sample

METRICS = (
    "drill_age_seconds",
    "drill_rto_seconds",
    "drill_rpo_seconds",
    "drill_phase_seconds",
    "recovery_rto_forecast_seconds",
)
HISTORY = timedelta(days=366)


def measure_drills(system: System, now: datetime) -> Iterator[Sample]:
    """Raises the first StoreError when no store answers."""
    outlook = look_out(system, now, now - HISTORY)
    green = max(outlook.summary.last.values(), default=None)
    age = (now - green).total_seconds() if green else float("inf")
    yield sample("drill_age_seconds", age, system.name)
    for scenario, record in _newest(outlook.history.records).items():
        if record.rto_seconds is not None:
            yield sample("drill_rto_seconds", record.rto_seconds, system.name, scenario)
        if record.rpo_seconds is not None:
            yield sample("drill_rpo_seconds", record.rpo_seconds, system.name, scenario)
        phases: dict[str, float] = {}
        for phase in record.phases:
            phases[phase.name] = phases.get(phase.name, 0.0) + phase.seconds
        for name, seconds in phases.items():
            yield sample("drill_phase_seconds", seconds, system.name, scenario, name)
    slowest: dict[str, float] = {}
    for item in outlook.forecasts:
        if item.enough:
            slowest[item.scenario] = max(item.seconds_now, slowest.get(item.scenario, 0.0))
    for scenario, seconds in slowest.items():
        yield sample("recovery_rto_forecast_seconds", seconds, system.name, scenario)


def measure_targets(system: System, now: datetime) -> Iterator[Sample]:
    """What is wanted, beside what is measured."""
    yield sample("drill_age_limit_seconds", system.drill.max_age_days * 86400, system.name)
    for scenario, objective in system.objectives.items():
        yield sample("recovery_rto_target_seconds", objective.rto_seconds, system.name, str(scenario))
        yield sample("recovery_rpo_target_seconds", objective.rpo_seconds, system.name, str(scenario))


def _newest(records: tuple[DrillRecord, ...]) -> dict[str, DrillRecord]:
    """By scenario; ``records`` are newest first."""
    found: dict[str, DrillRecord] = {}
    for record in records:
        found.setdefault(record.scenario, record)
    return found
