"""All measurements of a system at once; one that fails says so and takes no other along."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime

from dr.configuration.model import System
from dr.errors import DrError
from dr.operations.measure import backups, drills, people, retention, runs, schedules, stores, wal
from dr.policy.metric import Sample

Measurement = Callable[[System, datetime], Iterator[Sample]]
MEASUREMENTS: tuple[tuple[str, Measurement, tuple[str, ...]], ...] = (
    ("backups", backups.measure_backups, backups.METRICS),
    ("runs", runs.measure_runs, runs.METRICS),
    ("retention", retention.measure_retention, retention.METRICS),
    ("scheduler", schedules.measure_scheduler, ("scheduler_up",)),
    ("schedules", schedules.measure_schedules, schedules.METRICS),
    ("stores", stores.measure_stores, stores.METRICS),
    ("WAL", wal.measure_wal, wal.METRICS),
    ("drills", drills.measure_drills, drills.METRICS),
    ("targets", drills.measure_targets, ()),
    ("certificates", people.measure_certificates, people.CERTIFICATES),
    ("keys", people.measure_keys, people.KEYS),
    ("alerts", people.measure_alerts, people.ALERTS),
)


@dataclass(frozen=True, slots=True)
class Measured:
    """``unmeasured`` metrics could not be looked at, ``problems`` say why."""

    samples: tuple[Sample, ...]
    unmeasured: frozenset[str]
    problems: tuple[str, ...]


def measure(system: System, now: datetime) -> Measured:
    """Never raises because of something that is to be measured."""
    with ThreadPoolExecutor(len(MEASUREMENTS), thread_name_prefix="measure") as pool:
        results = list(pool.map(lambda row: _one(row, system, now), MEASUREMENTS))
    samples: list[Sample] = []
    unmeasured: set[str] = set()
    problems: list[str] = []
    for (title, _, metrics), result in zip(MEASUREMENTS, results, strict=True):
        if isinstance(result, DrError):
            unmeasured |= set(metrics)
            problems.append(f"{title}: {result.message}" + (f" ({result.detail})" if result.detail else ""))
        else:
            samples += result
    return Measured(tuple(samples), frozenset(unmeasured), tuple(problems))


def _one(row: tuple[str, Measurement, tuple[str, ...]], system: System, now: datetime) -> tuple[Sample, ...] | DrError:
    try:
        return tuple(row[1](system, now))
    except DrError as error:
        return error
