"""All measurements of a system at once; one that fails says so and takes no other along."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime

from dr.configuration.model import System
from dr.errors import DrError
from dr.operations.measure import backups, drills, people, retention, runs, schedules, stores, wal
from dr.policy.metric import Sample, Unmeasured, sample

Measurement = Callable[[System, datetime], Iterator[Sample | Unmeasured]]
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
    """What is ``unmeasured`` could not be looked at, ``problems`` say why."""

    samples: tuple[Sample, ...]
    unmeasured: frozenset[Unmeasured]
    problems: tuple[str, ...]


def measure(system: System, now: datetime) -> Measured:
    """Never raises because of something that is to be measured."""
    with ThreadPoolExecutor(len(MEASUREMENTS), thread_name_prefix="measure") as pool:
        results = list(pool.map(lambda row: _one(row, system, now), MEASUREMENTS))
    samples: list[Sample] = []
    unmeasured: set[Unmeasured] = set()
    problems: list[str] = []
    for (title, _, metrics), result in zip(MEASUREMENTS, results, strict=True):
        samples.append(sample("measurement_up", not isinstance(result, DrError), system.name, title))
        if isinstance(result, DrError):
            unmeasured |= {Unmeasured(name) for name in metrics}
            problems.append(f"{title}: {result.message}" + (f" ({result.detail})" if result.detail else ""))
        else:
            samples += [item for item in result if isinstance(item, Sample)]
            unmeasured |= {item for item in result if isinstance(item, Unmeasured)}
    return Measured(tuple(samples), frozenset(unmeasured), tuple(problems))


def _one(
    row: tuple[str, Measurement, tuple[str, ...]], system: System, now: datetime
) -> tuple[Sample | Unmeasured, ...] | DrError:
    try:
        return tuple(row[1](system, now))
    except DrError as error:
        return error
